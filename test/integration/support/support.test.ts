import {readFile} from 'node:fs/promises';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {ContainerState} from '../../../src/edges/cri/gen/api_pb.ts';
import {startContainerd, type TestContainerd} from './containerd.ts';
import {busyboxImage} from './images.ts';
import {until} from './wait.ts';

let containerd: TestContainerd;
beforeAll(async () => {
  containerd = await startContainerd({subnet: '10.89.7.0/24'});
});
afterAll(async () => {
  await containerd?.remove();
});

it('runs a container from a hand-made image in a pod with an address', async () => {
  const {runtime} = containerd.cri;
  const logDirectory = `${containerd.dir}/log/pods/one`;
  const sandbox = {
    metadata: {name: 'one', namespace: 'default', uid: 'uid-1', attempt: 0},
    logDirectory,
    linux: {},
  };
  const {podSandboxId} = await runtime.runPodSandbox({config: sandbox});
  const {status} = await runtime.podSandboxStatus({podSandboxId});
  expect(status?.network?.ip).toMatch(/^10\.89\.7\./);
  const {containerId} = await runtime.createContainer({
    podSandboxId,
    sandboxConfig: sandbox,
    config: {
      metadata: {name: 'main', attempt: 0},
      image: {image: busyboxImage},
      command: ['sh', '-c', 'echo hello; exit 3'],
      logPath: 'main.log',
      linux: {},
    },
  });
  await runtime.startContainer({containerId});
  const ended = await until('the container has exited', async () => {
    const answer = await runtime.containerStatus({containerId});
    return answer.status?.state === ContainerState.CONTAINER_EXITED ? answer.status : undefined;
  });
  expect(ended.exitCode).toBe(3);
  expect(await readFile(`${logDirectory}/main.log`, 'utf8')).toMatch(/ stdout F hello\n$/);
});
