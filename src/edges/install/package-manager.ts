/** The distribution's package manager, as nodectl needs it. */
export type PackageManager = {
  readonly kind: 'apt' | 'dnf';
  /** Everything that installing these would newly bring, dependencies included; changes nothing installed. */
  simulate(names: readonly string[]): Promise<string[]>;
  install(names: readonly string[]): Promise<void>;
  /** What of an installation of these is not on this machine yet, and must come over a network. */
  toFetch(names: readonly string[]): Promise<readonly string[]>;
  /** The version that an installation would bring. */
  candidate(name: string): Promise<string | undefined>;
  /** With their configuration files; absent ones are fine. */
  remove(names: readonly string[]): Promise<void>;
  /** The package's own version of a configuration file it owns: its MD5, or undefined. */
  shippedDigest(path: string): Promise<string | undefined>;
};
