import type {Container} from '../../../lib/kubernetes.ts';
import {parseQuantity} from '../../../lib/quantity.ts';
import {dnsLabel, envName, portName, portNumber, qualifiedName} from './names.ts';
import type {Problems} from './problems.ts';

type Probe = NonNullable<Container['livenessProbe']>;
type Handler = NonNullable<NonNullable<Container['lifecycle']>['postStart']>;

export type ContainerContext = {
  readonly problems: Problems;
  readonly volumes: ReadonlySet<string>;
  readonly hostNetwork: boolean;
  /** Names taken so far in the pod. */
  readonly names: Set<string>;
};

/** core/validation's rules for one container: what people get wrong, in its words. */
export function checkContainer(
  context: ContainerContext,
  container: Container,
  field: string,
  init: boolean,
): void {
  const {problems, names} = context;
  if (!container.name) problems.required(`${field}.name`);
  else
    for (const problem of dnsLabel(container.name))
      problems.invalid(`${field}.name`, container.name, problem);
  if (names.has(container.name)) problems.duplicate(`${field}.name`, container.name);
  names.add(container.name);
  if (!container.image) problems.required(`${field}.image`);
  else if (container.image !== container.image.trim())
    problems.invalid(`${field}.image`, container.image, 'must not have leading or trailing whitespace');
  problems.oneOf(`${field}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']);
  problems.oneOf(`${field}.terminationMessagePolicy`, container.terminationMessagePolicy, [
    'FallbackToLogsOnError',
    'File',
  ]);
  checkPorts(context, container, field);
  checkEnv(problems, container, field);
  checkMounts(context, container, field);
  checkResources(problems, container.resources, `${field}.resources`);
  checkSecurity(problems, container, `${field}.securityContext`);
  checkProbes(problems, container, field, init);
}

function checkPorts({problems, hostNetwork}: ContainerContext, container: Container, field: string): void {
  const names = new Set<string>();
  for (const [at, port] of (container.ports ?? []).entries()) {
    const path = `${field}.ports[${at}]`;
    if (port.name) {
      for (const problem of portName(port.name)) problems.invalid(`${path}.name`, port.name, problem);
      if (names.has(port.name)) problems.duplicate(`${path}.name`, port.name);
      names.add(port.name);
    }
    if (!port.containerPort) problems.required(`${path}.containerPort`);
    else
      for (const problem of portNumber(port.containerPort))
        problems.invalid(`${path}.containerPort`, port.containerPort, problem);
    if (port.hostPort)
      for (const problem of portNumber(port.hostPort))
        problems.invalid(`${path}.hostPort`, port.hostPort, problem);
    if (hostNetwork && port.hostPort !== port.containerPort)
      problems.invalid(
        `${path}.hostPort`,
        port.hostPort ?? 0,
        'must match `containerPort` when `hostNetwork` is true',
      );
    problems.oneOf(`${path}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
  }
}

function checkEnv(problems: Problems, container: Container, field: string): void {
  for (const [at, env] of (container.env ?? []).entries()) {
    const path = `${field}.env[${at}]`;
    if (!env.name) problems.required(`${path}.name`);
    else for (const problem of envName(env.name)) problems.invalid(`${path}.name`, env.name, problem);
    if (env.valueFrom === undefined) continue;
    const sources = Object.values(env.valueFrom).filter((source) => source !== undefined).length;
    if (env.value)
      problems.invalid(`${path}.valueFrom`, '', 'may not be specified when `value` is not empty');
    else if (sources === 0)
      problems.invalid(
        `${path}.valueFrom`,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      );
    else if (sources > 1)
      problems.invalid(`${path}.valueFrom`, '', 'may not have more than one field specified at a time');
  }
}

function checkMounts({problems, volumes}: ContainerContext, container: Container, field: string): void {
  const paths = new Set<string>();
  for (const [at, mount] of (container.volumeMounts ?? []).entries()) {
    const path = `${field}.volumeMounts[${at}]`;
    if (!mount.name) problems.required(`${path}.name`);
    else if (!volumes.has(mount.name)) problems.notFound(`${path}.name`, mount.name);
    if (!mount.mountPath) problems.required(`${path}.mountPath`);
    if (paths.has(mount.mountPath)) problems.invalid(`${path}.mountPath`, mount.mountPath, 'must be unique');
    paths.add(mount.mountPath);
    if (mount.subPath && mount.subPathExpr)
      problems.invalid(
        `${path}.subPathExpr`,
        mount.subPathExpr,
        'subPathExpr and subPath are mutually exclusive',
      );
    for (const key of ['subPath', 'subPathExpr'] as const)
      checkLocalPath(problems, mount[key], `${path}.${key}`);
  }
}

function checkLocalPath(problems: Problems, value: string | undefined, field: string): void {
  if (!value) return;
  if (value.startsWith('/')) problems.invalid(field, value, 'must be a relative path');
  if (value.split('/').includes('..')) problems.invalid(field, value, "must not contain '..'");
}

export function checkResources(problems: Problems, resources: Container['resources'], field: string): void {
  const limits = resources?.limits ?? {};
  for (const kind of ['limits', 'requests'] as const)
    for (const [name, text] of Object.entries(resources?.[kind] ?? {})) {
      const path = `${field}.${kind}[${name}]`;
      for (const problem of qualifiedName(name)) problems.invalid(path, name, problem);
      const value = parseQuantity(text);
      if (value === undefined)
        problems.invalid(
          path,
          text,
          "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        );
      else if (value < 0n) problems.invalid(path, text, 'must be greater than or equal to 0');
    }
  for (const [name, text] of Object.entries(resources?.requests ?? {})) {
    const limit = parseQuantity(limits[name] ?? '');
    const request = parseQuantity(text);
    if (limit === undefined || request === undefined) continue;
    if (name !== 'cpu' && name !== 'memory' && name !== 'ephemeral-storage' && request !== limit)
      problems.invalid(`${field}.requests`, text, `must be equal to ${name} limit of ${limits[name]}`);
    else if (request > limit)
      problems.invalid(
        `${field}.requests`,
        text,
        `must be less than or equal to ${name} limit of ${limits[name]}`,
      );
  }
}

function checkSecurity(problems: Problems, container: Container, field: string): void {
  const context = container.securityContext;
  if (!context) return;
  for (const key of ['runAsUser', 'runAsGroup'] as const) {
    const id = context[key];
    if (id !== undefined && (id < 0 || id > 2_147_483_647))
      problems.invalid(`${field}.${key}`, id, 'must be between 0 and 2147483647, inclusive');
  }
  if (context.allowPrivilegeEscalation !== false) return;
  if (context.privileged)
    problems.invalid(
      field,
      context,
      'cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
    );
  if (context.capabilities?.add?.some((name) => name === 'SYS_ADMIN' || name === 'CAP_SYS_ADMIN'))
    problems.invalid(
      field,
      context,
      'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
    );
}

function checkProbes(problems: Problems, container: Container, field: string, init: boolean): void {
  const restarts = init && container.restartPolicy === 'Always';
  for (const key of ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const)
    if (init && !restarts && container[key] !== undefined)
      problems.forbidden(
        `${field}.${key}`,
        'may not be set for init containers without restartPolicy=Always',
      );
  checkProbe(problems, container.readinessProbe, `${field}.readinessProbe`);
  for (const key of ['livenessProbe', 'startupProbe'] as const) {
    const probe = container[key];
    checkProbe(problems, probe, `${field}.${key}`);
    if (probe && probe.successThreshold !== 1)
      problems.invalid(`${field}.${key}.successThreshold`, probe.successThreshold, 'must be 1');
  }
  for (const key of ['postStart', 'preStop'] as const)
    if (container.lifecycle?.[key])
      checkHandler(problems, container.lifecycle[key], `${field}.lifecycle.${key}`);
}

function checkProbe(problems: Problems, probe: Probe | undefined, field: string): void {
  if (!probe) return;
  checkHandler(problems, probe, field);
  for (const key of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const) {
    const value = probe[key];
    if (value !== undefined && value < 0)
      problems.invalid(`${field}.${key}`, value, 'must be greater than or equal to 0');
  }
}

function checkHandler(problems: Problems, handler: Probe | Handler | undefined, field: string): void {
  if (!handler) return;
  const kinds = (['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const).filter(
    (kind) => kind in handler && Reflect.get(handler, kind) !== undefined,
  );
  if (kinds.length === 0) problems.required(field, 'must specify a handler type');
  for (const kind of kinds.slice(1))
    problems.forbidden(`${field}.${kind}`, 'may not specify more than 1 handler type');
  if (handler.exec && (handler.exec.command ?? []).length === 0) problems.required(`${field}.exec.command`);
  for (const kind of ['httpGet', 'tcpSocket'] as const)
    checkHandlerPort(problems, handler[kind]?.port, `${field}.${kind}.port`);
}

function checkHandlerPort(problems: Problems, port: string | number | undefined, field: string): void {
  if (typeof port === 'number')
    for (const problem of portNumber(port)) problems.invalid(field, port, problem);
  if (typeof port === 'string') for (const problem of portName(port)) problems.invalid(field, port, problem);
}
