import {dirname, join} from 'node:path';
import {kubeletPaths} from '../../config/kubelet-files.ts';
import {errno, isFull, linkAtomic, removeFile, writeAtomic} from '../../edges/files/files.ts';
import {writeSysctl} from '../../edges/machine/sysctl.ts';
import {openPort} from '../../edges/network/firewall.ts';
import {generateKey} from '../../edges/trust/x509.ts';
import {isNodectlError, NodectlError} from '../../lib/errors.ts';
import type {Facts} from '../phase.ts';
import type {Act} from './acts.ts';
import {applyFile, keepFile} from './apply-files.ts';
import {bringModule, startService, turnSwapOff} from './apply-host.ts';
import {applyToRuntime} from './apply-runtime.ts';
import {certificateFileName, readKey, submitRequest} from './certificate.ts';
import {noteClaim, noteSetting} from './notes.ts';

/**
 * Performs one act; what it changes on the machine is in the journal before it is changed.
 * @throws NodectlError ND106 when the disk is full, ND109 when it is read-only
 */
export async function applyAct(act: Act, facts: Facts, signal: AbortSignal): Promise<void> {
  try {
    await perform(act, facts, signal);
  } catch (error) {
    if (isFull(error))
      throw new NodectlError('ND106', `${describePath(act)} cannot be written`, {cause: error});
    if (errno(error) === 'EROFS')
      throw new NodectlError('ND109', `${describePath(act)} cannot be written: read-only`, {cause: error});
    throw error;
  }
}

function describePath(act: Act): string {
  return 'path' in act ? act.path : act.kind;
}

async function perform(act: Act, facts: Facts, signal: AbortSignal): Promise<void> {
  const {journal, services} = facts;
  switch (act.kind) {
    case 'directory':
    case 'tree':
    case 'file':
    case 'remove':
    case 'link':
    case 'copy':
      return applyFile(act, journal);
    case 'packages':
      return installPackages(act.names, facts);
    case 'module':
      await journal.note({kind: 'module', target: act.name});
      return bringModule(act.name);
    case 'sysctl':
      await noteSetting(act, journal);
      return writeSysctl(act.key, act.value);
    case 'swap-off':
      await journal.note({kind: 'swap', target: act.device});
      return turnSwapOff(act.device);
    case 'open-port':
      await journal.note({kind: 'firewall', target: act.port, firewall: act.firewall});
      return openPort(act.firewall, act.port);
    case 'reload':
      return services.reload();
    case 'start':
    case 'restart':
      await noteService(act.name, facts);
      return startService(act.kind, act.name, facts);
    case 'import':
    case 'import-archive':
    case 'fetch':
    case 'unpack':
    case 'prove':
      return applyToRuntime(act, facts);
    case 'claim':
      return noteClaim(act, journal);
    case 'new-key':
      return writeAtomic(act.path, generateKey());
    case 'request':
      return submitRequest(act, facts, signal);
    case 'certificate':
      return storeCertificate(act, facts);
  }
}

/** Configuration files of the packages that a node needs. */
const packagedFiles = ['/etc/containerd/config.toml', '/etc/nftables.conf'];

async function installPackages(names: readonly string[], {packages, journal}: Facts): Promise<void> {
  if (packages === undefined)
    throw new NodectlError('ND102', `there is no package manager for ${names.join(', ')}`);
  try {
    // Noted with all that they bring, before the first is unpacked: a crash half-way is undone too.
    const brings = await packages.simulate(names);
    // Undone after them: an administrator's files may be there before the package that calls them its own.
    for (const path of packagedFiles) await keepFile(path, journal);
    await journal.note({kind: 'packages', target: packages.kind, names: brings});
    await packages.install(names);
  } catch (error) {
    // The package manager may know more.
    if (isNodectlError(error, 'ND503') && error.next.length > 0) throw error;
    const program = packages.kind === 'apt' ? 'apt-get' : packages.kind;
    throw new NodectlError('ND503', `installing ${names.join(', ')} failed`, {
      cause: error,
      next: [
        `sudo ${program} install ${names.join(' ')}`,
        'Then run the same command again: it goes on from there.',
      ],
    });
  }
}

/** A service that ran before (the distribution's containerd) goes on after a reset; ours are removed. */
async function noteService(name: string, {services, journal, options}: Facts): Promise<void> {
  if (journal.find({kind: 'service', target: name}) !== undefined) return;
  const {installed, enabled, running} = await services.status(name);
  const ours = name.startsWith('nodectl-') || services.kind === 'supervised';
  const before = ours || !installed ? undefined : {enabled, running};
  await journal.note({kind: 'service', target: name, before});
  await journal.note({kind: 'node', target: options.nodeName, server: ''});
}

/** The dated file first, then the link to it by one rename, then the cached key goes: a crash leaves a whole pair. */
async function storeCertificate(
  {keyPath, certificate}: Extract<Act, {kind: 'certificate'}>,
  facts: Facts,
): Promise<void> {
  const {pki, currentCertificate} = kubeletPaths(facts.options);
  const key = await readKey(keyPath);
  const name = certificateFileName(new Date());
  await writeAtomic(join(pki, name), certificate + key);
  await linkAtomic(currentCertificate, join(dirname(currentCertificate), name));
  await removeFile(keyPath);
}
