import {describeJoined} from './support/joined.ts';

describeJoined('bookworm');
