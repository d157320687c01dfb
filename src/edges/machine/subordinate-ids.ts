import {readText} from '../files/files.ts';
import {findProgram} from '../install/packages.ts';
import {run} from '../process/run.ts';

/**
 * What `getsubids` says of the ids that belong to a user; undefined where the machine has no such user, or no such
 * program. @throws NodectlError when a user has none, or others as a user than as a group
 */
export async function subordinateIds(user: string): Promise<string | undefined> {
  const users = (await readText('/etc/passwd')) ?? '';
  if (!users.split('\n').some((line) => line.startsWith(`${user}:`))) return undefined;
  const program = await findProgram('getsubids');
  if (program === undefined) return undefined;
  const {stdout: uids} = await run(program, [user]);
  const {stdout: gids} = await run(program, ['-g', user]);
  if (uids !== gids) throw new Error(`mismatched subuids and subgids for user "${user}"`);
  return uids;
}
