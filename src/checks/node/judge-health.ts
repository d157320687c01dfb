import type {Health} from '../../edges/http/http-health.ts';
import {type Finding, failure, warning} from '../check.ts';
import type {DaemonSight} from './context.ts';

/** A daemon opens its health port within this time of its start. */
const startMs = 15_000;

export function judgeHealth(
  health: Health,
  {upMs}: DaemonSight,
  who: string,
  next: string,
): readonly Finding[] {
  switch (health.kind) {
    case 'ok':
      return [];
    case 'sick':
      return [
        failure('ND736', `${who} is not healthy\n${health.body.split('\n').slice(0, 5).join('\n')}`, next),
      ];
    case 'refused':
      if (upMs !== undefined && upMs < startMs) return [warning('ND736', `${who} is starting`, next)];
      return [failure('ND736', `${who} runs, but its health port is closed`, next)];
    case 'silent':
      return [failure('ND736', `${who} runs, but does not answer\n${health.detail}`, next)];
  }
}
