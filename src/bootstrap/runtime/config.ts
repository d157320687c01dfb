import {
  type ContainerdSettings,
  configVersionOf,
  editedConfig,
  isOurs,
  ownConfig,
  releaseOf,
  templateName,
} from '../../config/runtime/containerd.ts';
import {assetText} from '../../edges/files/assets.ts';
import {md5, type PathState, pathState} from '../../edges/files/host-files.ts';
import type {ServiceUnit} from '../../edges/systemd/services.ts';
import type {Act} from '../apply/acts.ts';
import {cgroupDriver, revision} from '../learn/node-files.ts';
import type {WantedFile} from '../learn/wanted.ts';
import type {Facts} from '../phase.ts';
import type {Parts} from './parts.ts';

export type WantedRuntime = {
  readonly plugins: readonly Act[];
  readonly files: readonly WantedFile[];
  readonly unit: ServiceUnit;
};

/** containerd's configuration and unit as they should be, for a runtime that is here or will be. */
export async function wantedRuntime(facts: Facts, parts: Parts): Promise<WantedRuntime> {
  const {options, services} = facts;
  const settings: ContainerdSettings = {
    layout: options.layout,
    systemdCgroup: cgroupDriver(facts) === 'systemd',
    restrictOomScoreAdj: !facts.machine.canLowerOomScore,
    cniBinDir: parts.cniBinDir,
  };
  const template = assetText(templateName(configVersionOf(parts.version)));
  const config: WantedFile = {
    path: options.layout.containerdConfig,
    content: await configContent(facts, settings, template),
    mode: 0o644,
  };
  const unit = containerdUnit(facts, parts, config);
  return {plugins: parts.pluginCopies, files: [config, services.file(unit)], unit};
}

/** Our own file where there was none or only the package's; an administrator's is edited, key by key. */
async function configContent(facts: Facts, settings: ContainerdSettings, template: string): Promise<string> {
  const path = settings.layout.containerdConfig;
  const state = await pathState(path);
  if (state.kind !== 'file') return ownConfig(template, settings);
  const text = new TextDecoder().decode(state.content);
  const replaceable = (await isShipped(facts, path, state)) || isUntouched(facts, path, text, state);
  return replaceable ? ownConfig(template, settings) : editedConfig(text, settings);
}

type FileState = Extract<PathState, {kind: 'file'}>;

async function isShipped({packages}: Facts, path: string, state: FileState): Promise<boolean> {
  const digest = await packages?.shippedDigest(path);
  return digest !== undefined && (digest === md5(state.content) || digest === state.sha256);
}

/** Written by us and not changed by hand since. */
function isUntouched({journal}: Facts, path: string, text: string, state: FileState): boolean {
  const entry = journal.find({kind: 'file', target: path});
  return isOurs(text) && (entry?.kind !== 'file' || entry.after.includes(state.sha256));
}

/** Under systemd the package's own unit stays and gets a drop-in; elsewhere the unit is wholly ours. */
function containerdUnit({options}: Facts, parts: Parts, config: WantedFile): ServiceUnit {
  const argv = [parts.program, '--config', config.path];
  return {
    name: 'containerd',
    description: 'containerd container runtime',
    argv,
    env: {
      ...(parts.searchPath === undefined ? {} : {PATH: parts.searchPath}),
      // Another version at the same place is another runtime.
      NODECTL_REVISION: revision([...argv, releaseOf(parts.version)], [config]),
    },
    restart: 'always',
    notify: true,
    killMode: 'process',
    stopTimeoutMs: options.ownLayout ? 20_000 : 60_000,
    dropIn: parts.packaged,
    template: parts.packaged ? 'templates/containerd-drop-in.conf' : 'templates/containerd.service',
  };
}
