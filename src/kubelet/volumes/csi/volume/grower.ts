import type {KubeClient} from '../../../../edges/kube/client.ts';
import type {Grower} from '../../growth/expander.ts';
import type {VolumeRequest} from '../../types.ts';
import {type AskedDriver, expandVolume} from '../driver/calls.ts';
import {Capability} from '../driver/capability.ts';
import {blockPlaces, stageDirectory} from '../driver/names.ts';
import {secretWords} from '../driver/secrets.ts';
import {targetPath} from './on-disk.ts';
import {placeOf} from './publisher.ts';
import type {CsiVolume} from './source.ts';

/** A driver makes its volume larger (csi_plugin.go, NodeExpand). */
export function csiGrower(
  client: KubeClient,
  driver: AskedDriver,
  request: VolumeRequest,
  volume: CsiVolume,
): Grower {
  const {uniqueName} = volume;
  const unsupported = driver.capabilities.has(Capability.EXPAND_VOLUME)
    ? undefined
    : `NodeExpand is not supported by the CSI driver ${volume.driver}`;
  return {
    uniqueName,
    ...(unsupported === undefined ? {} : {unsupported}),
    async grow(bytes) {
      const {context, specName, signal} = request;
      const staged = driver.capabilities.has(Capability.STAGE_UNSTAGE_VOLUME);
      const stage = volume.block
        ? blockPlaces(context.rootDir, specName).staging
        : `${stageDirectory(context.rootDir, volume.driver, volume.handle)}/globalmount`;
      const secrets = await secretWords(client, volume.expandSecret, 'NodeExpandSecretRef', signal);
      const path = targetPath(placeOf(request));
      const wish = {volume, path, stagingPath: staged ? stage : '', bytes, secrets};
      await expandVolume(driver, wish, signal === undefined ? {} : {signal});
    },
  };
}
