// Prints README's table of codes: bin/run node --experimental-transform-types --no-warnings bin/codes.mjs
import {codesTable} from '../src/lib/codes/table.ts';

console.log(codesTable());
