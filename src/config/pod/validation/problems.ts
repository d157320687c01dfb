export type Problem = {readonly reason: string; readonly field: string; readonly message: string};

/** What is wrong with an object, collected in the words of apimachinery's `field.Error`. */
export class Problems {
  readonly #causes: Problem[] = [];

  get empty(): boolean {
    return this.#causes.length === 0;
  }

  get all(): readonly Problem[] {
    return this.#causes;
  }

  required(field: string, detail = ''): void {
    this.#add('FieldValueRequired', field, 'Required value', detail);
  }

  invalid(field: string, value: unknown, detail: string): void {
    this.#add('FieldValueInvalid', field, `Invalid value: ${printed(value)}`, detail);
  }

  duplicate(field: string, value: unknown): void {
    this.#add('FieldValueDuplicate', field, `Duplicate value: ${printed(value)}`, '');
  }

  notFound(field: string, value: unknown): void {
    this.#add('FieldValueNotFound', field, `Not found: ${printed(value)}`, '');
  }

  forbidden(field: string, detail: string): void {
    this.#add('FieldValueForbidden', field, 'Forbidden', detail);
  }

  tooLong(field: string, most: number): void {
    this.#add('FieldValueTooLong', field, 'Too long', `may not be more than ${most} bytes`);
  }

  tooMany(field: string, count: number, most: number): void {
    this.#add('FieldValueTooMany', field, `Too many: ${count}`, `must have at most ${most} items`);
  }

  unsupported(field: string, value: unknown, supported: readonly string[]): void {
    const detail = `supported values: ${supported.map((s) => JSON.stringify(s)).join(', ')}`;
    this.#add('FieldValueNotSupported', field, `Unsupported value: ${printed(value)}`, detail);
  }

  /** One value out of a closed set; absent is fine. */
  oneOf(field: string, value: string | undefined, supported: readonly string[]): void {
    if (value !== undefined && !supported.includes(value)) this.unsupported(field, value, supported);
  }

  #add(reason: string, field: string, what: string, detail: string): void {
    this.#causes.push({reason, field, message: detail === '' ? what : `${what}: ${detail}`});
  }
}

function printed(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value);
}
