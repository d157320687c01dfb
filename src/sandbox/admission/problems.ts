import {Problems as Found} from '../../config/pod/validation/problems.ts';
import type {Resource} from '../../lib/resources.ts';
import {invalid} from '../status.ts';

/** What is wrong with an object, as the API answers it. */
export class Problems extends Found {
  /** @throws StatusError 422 naming everything that was found */
  throwIfAny(resource: Resource, name: string): void {
    if (!this.empty) throw invalid(resource, name, this.all);
  }
}
