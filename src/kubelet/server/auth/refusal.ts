/** An answer that is not a success, with the text that Kubernetes' clients show to people. */
export class Refusal extends Error {
  readonly httpCode: number;

  constructor(httpCode: number, message: string, cause?: unknown) {
    super(message, {cause});
    this.name = 'Refusal';
    this.httpCode = httpCode;
  }
}
