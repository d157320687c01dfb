export {pause} from '../edges/clock.ts';
