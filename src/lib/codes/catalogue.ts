import {hostCodes} from './host.ts';
import {identityCodes} from './identity.ts';
import {internalCodes} from './internal.ts';
import {leftoverCodes} from './leftovers.ts';
import {networkCodes} from './network.ts';
import {podCodes} from './pods.ts';
import {runtimeCodes} from './runtime.ts';
import {sandboxCodes} from './sandbox.ts';
import {serviceCodes} from './services.ts';
import {trustCodes} from './trust.ts';

/** Every finding and error that a user can meet, by its stable code. `nodectl explain` prints these. */
export const catalogue = {
  ...hostCodes,
  ...identityCodes,
  ...networkCodes,
  ...trustCodes,
  ...runtimeCodes,
  ...leftoverCodes,
  ...serviceCodes,
  ...podCodes,
  ...sandboxCodes,
  ...internalCodes,
};

export type Code = keyof typeof catalogue;
