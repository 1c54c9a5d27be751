/** Enrols a TPM for an agent by credential activation (TPM 2.0 Part 1 §24). */
import { readFile, writeFile } from 'node:fs/promises'
import { tpmEnrolmentBinding } from '@credence/contracts/attestation/binding'
import type {
  BeginTpmEnrolmentRequest,
  BeginTpmEnrolmentResponse,
  CompleteTpmEnrolmentRequest,
  CompleteTpmEnrolmentResponse,
} from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { type AttestationKeyType, createAttestationKey, keepAttestationKey } from './attestation-key.ts'
import { type EndorsementKey, type EndorsementKeyType, endorsementKey } from './endorsement-key.ts'
import { openTools, type Tcti, type Tools } from './tools.ts'

export type TpmOptions = {
  tcti: Tcti
  /** Where the files of the attestation key are kept, in a folder `tpm`. */
  folder: string
}

export type EnrolOptions = TpmOptions & {
  /** Default: RSA 2048, which every TPM has. */
  endorsementKey?: EndorsementKeyType
  /** PEM, the endorsement key’s certificate first, where the TPM holds none. */
  endorsementCertificates?: string
  /** Default: ECDSA on P-256 with SHA-256. */
  attestationKey?: AttestationKeyType
  agent: { agentId: string; spiffeId: string; keyThumbprint: string }
  /** SPIFFE ID of the attestation service. */
  audience: string
  /** The attestation service, called as the agent. */
  service: {
    beginTpmEnrolment(request: BeginTpmEnrolmentRequest): Promise<BeginTpmEnrolmentResponse>
    completeTpmEnrolment(request: CompleteTpmEnrolmentRequest): Promise<CompleteTpmEnrolmentResponse>
  }
}

/**
 * Makes an attestation key, has it enrolled, and keeps it for quotes. A former key is replaced once the new one is enrolled.
 * @throws ProducerError when the TPM cannot do it, CredenceError when the service refuses
 */
export async function enrolTpm(options: EnrolOptions): Promise<CompleteTpmEnrolmentResponse> {
  const { agent, audience, service } = options
  const tools = await openTools(options.tcti)
  try {
    const endorsement = await endorsementKey(
      tools,
      options.endorsementKey ?? 'rsa2048',
      options.endorsementCertificates,
    )
    const binding = tpmEnrolmentBinding({ ...agent, audience })
    const key = await createAttestationKey(tools, options.attestationKey ?? 'p256-ecdsa-sha256', binding)
    const { enrolmentId, credentialBlob, encryptedSecret } = await service.beginTpmEnrolment({
      agentId: agent.agentId,
      endorsementPublic: endorsement.public,
      endorsementCertificates: endorsement.certificates,
      attestationPublic: key.public,
      creationData: key.creationData,
      creationAttest: key.attest,
      creationSignature: key.signature,
      notBefore: [],
    })
    const secret = await activate(tools, endorsement, Buffer.concat([HEADER, credentialBlob, encryptedSecret]))
    const answer = await service.completeTpmEnrolment({ agentId: agent.agentId, enrolmentId, secret })
    await keepAttestationKey(tools, options.folder)
    return answer
  } finally {
    await tools.close()
  }
}

/** What tpm2-tools put before a credential in a file: a magic number and the version of the form. */
const HEADER = Buffer.from('badcc0de00000001', 'hex')

/** TPM2_ActivateCredential; endorsement keys of the older templates are used under a policy, so in a session. */
async function activate(tools: Tools, endorsement: EndorsementKey, credential: Uint8Array): Promise<Buffer> {
  const [blob, opened, session] = [tools.file('credential'), tools.file('secret'), tools.file('session.ctx')]
  await writeFile(blob, credential, { mode: 0o600 })
  const keys = ['-c', tools.file('ak.ctx'), '-C', endorsement.context]
  if (!endorsement.policy) await tools.run('activatecredential', '-Q', ...keys, '-i', blob, '-o', opened)
  else {
    await tools.run('startauthsession', '-Q', '--policy-session', '-S', session)
    try {
      await tools.run('policysecret', '-Q', '-S', session, '-c', 'e')
      await tools.run('activatecredential', '-Q', ...keys, '-i', blob, '-o', opened, '-P', `session:${session}`)
    } finally {
      await tools.run('flushcontext', session)
    }
  }
  return readFile(opened)
}
