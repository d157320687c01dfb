import type {Cri} from './client.ts';

/**
 * The image of each pod's own container, which no list of containers shows; '' when the runtime does not tell.
 * containerd tells it with its configuration, and pins it from 1.7 on.
 */
export async function sandboxImage({runtime}: Cri, options: {readonly timeoutMs: number}): Promise<string> {
  const {info} = await runtime.status({verbose: true}, options);
  try {
    const {sandboxImage: image}: {sandboxImage?: string} = JSON.parse(info.config ?? '{}');
    return image ?? '';
  } catch {
    return '';
  }
}
