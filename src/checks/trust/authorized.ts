import {failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

export const authorized = nodeCheck({
  name: 'Authorized',
  category: 'trust',
  codes: ['ND416'],
  after: ['APIServer', 'ClientCertificate'],
  observe: ({sight}) => sight.node(),
  judge: (seen) =>
    seen.kind === 'refused'
      ? [
          failure(
            'ND416',
            `the API server refuses this node (HTTP ${seen.httpCode})\n${seen.message}`,
            'sudo nodectl reset && sudo nodectl join … (with a fresh token)',
          ),
        ]
      : [],
});
