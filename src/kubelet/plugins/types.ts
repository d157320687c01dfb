import type {PluginInfo} from '../../edges/plugin-registration/client.ts';

/** A plugin that has announced itself; its endpoint is known. */
export type AnnouncedPlugin = PluginInfo;

/** What is done with plugins of one type (pkg/kubelet/pluginmanager/cache: PluginHandler). */
export type PluginHandler = {
  /** @throws when the plugin cannot be used; it is told why */
  validate(plugin: AnnouncedPlugin): void;
  /** Takes the plugin into use. @throws when that failed; it is told why, and asked again later */
  register(plugin: AnnouncedPlugin, signal: AbortSignal): Promise<void>;
  /** The socket of a plugin that was registered, or whose registration failed half-way, has gone. */
  deregister(plugin: AnnouncedPlugin): Promise<void>;
};

/** By the type that plugins announce: `CSIPlugin`, `DevicePlugin`, `DRAPlugin`. */
export type PluginHandlers = ReadonlyMap<string, PluginHandler>;
