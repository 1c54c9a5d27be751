/** Evidence of the kind `agent-manifest`: the bundle that the builder put beside the agent, as it stands. */
import { readFile } from 'node:fs/promises'

/**
 * @param file the signed manifest (`credence manifest sign`)
 * @returns a producer. The bundle carries no nonce: the agent's statement names its digest, and so binds it to the challenge.
 * It is read anew each time, since an update of the agent brings another one.
 */
export const agentManifestProducer = (file: string) => async () => ({
  kind: 'agent-manifest' as const,
  content: new Uint8Array(await readFile(file)),
})
