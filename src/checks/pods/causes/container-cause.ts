/** Why a pod cannot start, in a few words, and what to type beside `kubectl describe`. */
export type StartCause = {readonly what: string; readonly next?: string};

export type KnownCause = {readonly like: RegExp; cause(match: readonly string[]): StartCause};

const limits = 'Raise resources.limits.memory of the container.';

/** What a pod's own specification asks for and cannot have: words of runc and of the kubelet. */
export const containerCauses: readonly KnownCause[] = [
  {
    like: /container init was OOM-killed|memory limit too low/,
    cause: () => ({what: 'its memory limit is too low for any program to start', next: limits}),
  },
  {
    like: /argument list too long/,
    cause: () => ({
      what: 'its arguments and environment are too long: they tell of each Service of its namespace',
      next: 'Set enableServiceLinks: false in the pod.',
    }),
  },
  {
    like: /error mounting "([^"]+)" to rootfs at "([^"]+)":.*(?:not a directory|is a directory)/s,
    cause: ([, source = '', target = '']) => ({
      what: `of ${target} and what is mounted there, one is a file and the other a directory`,
      next: `sudo ls -ld ${source}`,
    }),
  },
  {
    like: /error mounting "[^"]+" to rootfs at "([^"]+)":.*read-only file system/s,
    cause: ([, target = '']) => ({what: `${target} cannot be made: it lies in something read-only`}),
  },
  {
    like: /error during container init: mkdir (\S+): not a directory/,
    cause: ([, path = '']) => ({what: `its workingDir lies below ${path}, which is a file`}),
  },
  {
    like: /sysctl "?([\w.]+)"?.*(?:no such file|not in a separate)/,
    cause: ([, name = '']) => ({what: `a pod here has no sysctl ${name} of its own`, next: `sysctl ${name}`}),
  },
  {
    like: /unable to find (user|group) ([^:\s]+): no matching entries/,
    cause: ([, kind = '', name = '']) => ({
      what: `its image does not know the ${kind} ${name}`,
      next: `Give a number: runAs${kind === 'user' ? 'User' : 'Group'} in its securityContext.`,
    }),
  },
  {
    like: /image has non-numeric user \(([^)]*)\)/,
    cause: ([, user = '']) => ({
      what: `whether the user ${user} of its image is root cannot be told`,
      next: 'Give a number: runAsUser in its securityContext.',
    }),
  },
  {
    like: /runAsUser breaks non-root policy/,
    cause: () => ({what: 'runAsNonRoot forbids what its runAsUser asks for'}),
  },
  {
    like: /(?:runtime|kernel|file ?system).*(?:does not|doesn't) support user namespaces|MOUNT_ATTR_IDMAP/i,
    cause: () => ({
      what: 'user namespaces for pods need containerd 2.0 and runc 1.2',
      next: 'containerd --version; runc --version',
    }),
  },
  {
    like: /missing value for (\S+)/,
    cause: ([, name = '']) => ({what: `its subPathExpr names a variable ${name} that the container has not`}),
  },
  {
    like: /failed to (?:prepare|create) subPath (?:directory )?for volumeMount "([^"]+)"/,
    cause: ([, volume = '']) => ({what: `the subPath of its volume ${volume} cannot be made there`}),
  },
  {
    like: /(configmap|secret) references non-existent (?:config|secret) key: (\S+)/,
    cause: ([, kind = '', key = '']) => ({what: `the ${kind} of its volume has no key ${key}`}),
  },
  {
    like: /not supported by driver (\S+) \(no CSIDriver object\)/,
    cause: ([, driver = '']) => ({
      what: `the cluster has no CSI driver ${driver}`,
      next: 'kubectl get csidrivers',
    }),
  },
  {
    like: /there is no \/sbin\/mount\.(nfs|cifs)/,
    cause: ([, type = '']) => ({
      what: `what mounts ${type} is not installed on this node`,
      next: `sudo apt-get install ${type === 'nfs' ? 'nfs-common' : 'cifs-utils'}`,
    }),
  },
  {
    like: /volumes of kind (\S+) are not supported on this node/,
    cause: ([, kind = '']) => ({
      what: `this kubelet mounts no ${kind} volumes`,
      next: 'Use a CSI driver: kubectl get csidrivers',
    }),
  },
];
