import {Flags} from '@oclif/core';
import type {RuntimeSourceInput} from '../../config/runtime/runtime-source.ts';
import {readInput} from '../../edges/files/input.ts';
import {ownProgram} from '../../edges/process/program.ts';
import {BaseCommand, outputFlag} from '../../ui/base-command.ts';
import {fromEnvironment, list} from '../../ui/environment.ts';

export default class BundleAirgap extends BaseCommand {
  static override summary = 'Pack what a machine without a network needs to join';
  static override description =
    'Runtime archives (each verified), images and nodectl itself in one tar archive for `nodectl join --airgap FILE`.';
  static override flags = fromEnvironment({
    file: Flags.string({default: 'nodectl-airgap.tar', description: 'where the bundle goes'}),
    'runtime-archives': Flags.string({
      description: 'directory or URL with the archives; else from their projects',
    }),
    'runtime-digests': Flags.string({description: 'their SHA-256, as sha256sum writes them'}),
    image: Flags.string({multiple: true, description: 'an image of this machine’s containerd to pack'}),
    'image-archive': Flags.string({multiple: true, description: 'a tar archive of images to pack'}),
    'cri-socket': Flags.string({
      default: '/run/containerd/containerd.sock',
      description: 'where containerd listens',
    }),
    arch: Flags.option({
      options: ['x64', 'arm64'] as const,
      description: 'of the archives; default: this machine’s',
    })(),
    output: {...outputFlag},
  });

  async run(): Promise<void> {
    const {flags} = await this.parse(BundleAirgap);
    const {makeBundle} = await import('../../bootstrap/airgap-bundle.ts');
    const {runtimeSourceOf} = await import('../../config/runtime/runtime-source.ts');
    const {assetText} = await import('../../edges/files/assets.ts');
    const digests = flags['runtime-digests'];
    const input: RuntimeSourceInput = {
      runtimeSource: 'archive',
      runtimeArchives: flags['runtime-archives'],
      runtimeDigests: digests === undefined ? undefined : await readInput(`@${digests}`),
      builtInDigests: assetText('templates/runtime.sha256'),
      arch: flags.arch ?? process.arch,
    };
    const result = await makeBundle({
      file: flags.file,
      source: runtimeSourceOf(input),
      images: list(flags.image) ?? [],
      imageArchives: list(flags['image-archive']) ?? [],
      socket: flags['cri-socket'].replace(/^unix:\/\//, ''),
      program: ownProgram(),
      onStep: (text) => void process.stderr.write(`  ${text}\n`),
    });
    if (flags.output === 'json') this.printJson({apiVersion: 'nodectl/v1', kind: 'AirgapBundle', ...result});
    else
      this.log(
        `${result.file}: ${result.files.length} files. There: nodectl join … --airgap ${result.file}\n` +
          'It brings no packages: there must be nftables, conntrack and iproute2, with --cni bridge also iptables.',
      );
  }
}
