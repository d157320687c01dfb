import {Args} from '@oclif/core';
import {catalogue} from '../lib/codes/catalogue.ts';
import type {Entry} from '../lib/codes/entry.ts';
import {NodectlError} from '../lib/errors.ts';
import {BaseCommand, outputFlag} from '../ui/base-command.ts';

export default class Explain extends BaseCommand {
  static override summary = 'Say what a code means, why it happens and how to fix it (offline)';
  static override args = {
    code: Args.string({description: 'for example ND501; without it all codes are listed'}),
  };
  static override flags = {output: outputFlag};
  static override examples = ['<%= config.bin %> explain ND501'];

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Explain);
    const all: Record<string, Entry> = catalogue;
    const wanted = args.code?.toUpperCase().replace(/^(?=\d{3}$)/, 'ND');
    const shown = Object.entries(all).filter(([code]) => wanted === undefined || code === wanted);
    if (shown.length === 0)
      throw new NodectlError('ND904', `there is no code ${wanted}`, {next: ['nodectl explain']});
    const {seenBy} = await import('../bootstrap/status/explain.ts');
    if (flags.output === 'json') {
      const codes = Object.fromEntries(
        shown.map(([code, entry]) => [code, {...entry, seenBy: seenBy(code)}]),
      );
      this.printJson({apiVersion: 'nodectl/v1', kind: 'Codes', ...{codes}});
    } else if (wanted === undefined) {
      for (const [code, entry] of shown.sort()) this.log(`${code}  ${entry.title}`);
    } else {
      const {explainText} = await import('../ui/explain-text.ts');
      const {terminalWidth} = await import('../ui/wrap.ts');
      for (const [code, entry] of shown) this.log(explainText(code, entry, seenBy(code), terminalWidth()));
    }
  }
}
