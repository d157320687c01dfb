import {type Cri, connectCri} from '../cri/client.ts';
import {asset} from '../files/assets.ts';
import {type RunOptions, run} from '../process/run.ts';

/** What the CRI service of containerd says of itself; undefined while nothing answers. */
export type RuntimeAnswer = {readonly version: string; readonly ready: boolean; readonly reason: string};

export async function askRuntime(socket: string): Promise<RuntimeAnswer | undefined> {
  return withCri(socket, async ({runtime}) => {
    const options = {timeoutMs: 2000};
    const [{runtimeVersion}, {status}] = await Promise.all([
      runtime.version({}, options),
      runtime.status({}, options),
    ]);
    const condition = status?.conditions.find(({type}) => type === 'RuntimeReady');
    return {
      version: runtimeVersion,
      ready: condition?.status === true,
      reason: condition?.message ?? '',
    };
  }).catch(() => undefined);
}

export async function hasImage(socket: string, image: string): Promise<boolean> {
  return withCri(socket, async ({images}) => {
    const answer = await images.imageStatus({image: {image}}, {timeoutMs: 5000});
    return answer.image !== undefined;
  });
}

/** containerd's own client, and where it listens. */
export type RuntimeTools = {readonly ctr: string; readonly socket: string};

function ctrImages(
  {ctr, socket}: RuntimeTools,
  args: readonly string[],
  options: RunOptions,
): Promise<unknown> {
  return run(ctr, ['--address', socket, '--namespace', 'k8s.io', 'images', ...args], options);
}

/** Hands an image archive that travels in nodectl to containerd, by a pipe: nothing is unpacked on the way. */
export async function importImage(tools: RuntimeTools, name: string): Promise<void> {
  await ctrImages(tools, ['import', '-'], {input: asset(name), timeoutMs: 120_000});
}

export async function importImageFile(tools: RuntimeTools, path: string): Promise<void> {
  await ctrImages(tools, ['import', path], {timeoutMs: 600_000});
}

/** An image archive (OCI and docker in one) of these images, for this machine's platform. */
export async function exportImages(
  tools: RuntimeTools,
  path: string,
  images: readonly string[],
): Promise<void> {
  await ctrImages(tools, ['export', path, ...images], {timeoutMs: 600_000});
}

/** Stops and removes every pod of the runtime; returns those that would not go. */
export async function removeAllPods(socket: string): Promise<string[]> {
  return withCri(socket, async ({runtime}) => {
    const {items} = await runtime.listPodSandbox({}, {timeoutMs: 10_000});
    const stuck: string[] = [];
    for (const {id, metadata} of items) {
      try {
        await runtime.stopPodSandbox({podSandboxId: id}, {timeoutMs: 60_000});
        await runtime.removePodSandbox({podSandboxId: id}, {timeoutMs: 60_000});
      } catch {
        stuck.push(`${metadata?.namespace}/${metadata?.name}`);
      }
    }
    return stuck;
  });
}

/** What our images are called, so that a containerd that was here before us keeps none of them. */
export async function removeImages(socket: string, images: readonly string[]): Promise<void> {
  await withCri(socket, async (cri) => {
    for (const image of images) await cri.images.removeImage({image: {image}}, {timeoutMs: 30_000});
  });
}

async function withCri<T>(socket: string, ask: (cri: Cri) => Promise<T>): Promise<T> {
  const cri = connectCri(socket);
  try {
    return await ask(cri);
  } finally {
    cri.close();
  }
}

/** `containerd --version`, of the program that would run. */
export async function containerdVersion(program: string): Promise<string> {
  return (await run(program, ['--version'], {timeoutMs: 10_000})).stdout;
}
