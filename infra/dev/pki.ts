/** The local CA of the development stack: made on first use, kept in the data folder. Production brings its own. */
import 'reflect-metadata'
import { generateKeyPairSync, webcrypto } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TlsFiles } from '@credence/shared/rpc/tls'
import * as x509 from '@peculiar/x509'

x509.cryptoProvider.set(webcrypto as never)

export type Authority = {
  caFile: string
  /** A certificate with this one SPIFFE ID, for localhost, as client and as server. Made once, then read again. */
  issue(name: string, spiffeId: string): Promise<TlsFiles>
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 86_400_000

const serial = () => Buffer.from(webcrypto.getRandomValues(new Uint8Array(16))).toString('hex')

export async function openAuthority(folder: string, trustDomain: string): Promise<Authority> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const caFile = join(folder, 'ca.pem')
  const caKeyFile = join(folder, 'ca-key.pem')
  if (!existsSync(caFile)) {
    const keys = await newKeys()
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serial(),
      name: `CN=Credence development CA, O=${trustDomain}`,
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 365 * DAY_MS),
      signingAlgorithm: ALGORITHM,
      keys: keys.pair,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
      ],
    })
    writeFileSync(caKeyFile, keys.pem, { mode: 0o600 })
    writeFileSync(caFile, certificate.toString('pem'))
  }
  const ca = new x509.X509Certificate(readFileSync(caFile, 'utf8'))
  const caKey = await importKey(readFileSync(caKeyFile, 'utf8'))

  return {
    caFile,
    issue: async (name, spiffeId) => {
      const files = { caFile, certFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}-key.pem`) }
      if (existsSync(files.certFile)) return files
      const keys = await newKeys()
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: serial(),
        subject: `CN=${name}`,
        issuer: ca.subject,
        notBefore: new Date(Date.now() - 60_000),
        notAfter: new Date(Date.now() + 90 * DAY_MS),
        signingAlgorithm: ALGORITHM,
        publicKey: keys.pair.publicKey,
        signingKey: caKey,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
          new x509.SubjectAlternativeNameExtension([
            { type: 'url', value: spiffeId },
            { type: 'dns', value: 'localhost' },
            { type: 'ip', value: '127.0.0.1' },
          ]),
          await x509.AuthorityKeyIdentifierExtension.create(ca, false),
        ],
      })
      writeFileSync(files.keyFile, keys.pem, { mode: 0o600 })
      writeFileSync(files.certFile, certificate.toString('pem'))
      return files
    },
  }
}

async function newKeys() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const pair = {
    privateKey: await importKey(pem),
    publicKey: await webcrypto.subtle.importKey('spki', spki, ALGORITHM, true, ['verify']),
  }
  return { pem, pair }
}

const importKey = (pem: string) =>
  webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), ALGORITHM, true, ['sign'])
