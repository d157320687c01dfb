import {nodeCheck} from '../node/context.ts';
import {skewFinding} from '../trust/answers.ts';

export const clock = nodeCheck({
  name: 'Clock',
  category: 'network',
  codes: ['ND316'],
  looks: 'compares the Date header of the API server with the clock',
  after: ['APIServer'],
  observe: ({sight}) => sight.api(),
  judge: (answer) => {
    const finding = answer.kind === 'answer' ? skewFinding(answer) : undefined;
    return finding === undefined ? [] : [finding];
  },
});
