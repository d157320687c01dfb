/** Images that travel inside the binary (bin/images.mjs makes them), so that a node starts without a registry. */
export const pauseImage = 'nodectl.local/pause:1';
export const helloImage = 'nodectl.local/hello:1';

/** Asset names of their OCI archives. */
export const embeddedImages: readonly string[] = ['images/pause.tar', 'images/hello.tar'];
