/** What Envoy tells of a request. Only `context_extensions` and the connection are Envoy's own word; the rest is the client's. */
import { createHash, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { z } from 'zod'

const HeaderValue = z.object({ key: z.string(), value: z.string(), rawValue: z.instanceof(Uint8Array) })

/** Over the message as it is decoded; fields that Envoy may add say nothing here. */
export const CheckInput = z.object({
  attributes: z.object({
    source: z
      .object({
        address: z
          .object({ address: z.object({ value: z.object({ address: z.string().max(256) }) }).optional() })
          .optional(),
        certificate: z.string().max(65_536),
      })
      .optional(),
    request: z.object({
      http: z.object({
        id: z.string(),
        method: z.string().min(1).max(32),
        path: z.string().min(1).max(8192),
        headers: z.record(z.string(), z.string()),
        headerMap: z.object({ headers: z.array(HeaderValue) }).optional(),
        body: z.string(),
        rawBody: z.instanceof(Uint8Array),
      }),
    }),
    contextExtensions: z.record(z.string(), z.string()),
  }),
})
export type CheckInput = z.infer<typeof CheckInput>

export type Asking = {
  id: string
  method: string
  path: string
  /** Every value of a header, by its lower-case name. */
  header(name: string): string[]
  /** Of the client's connection; empty when it is no IP address. */
  sourceAddress: string
  /** `x5t#S256` of the certificate that the client showed on it (RFC 8705 §3.1). */
  certificate?: string
  body: Uint8Array
}

export function askingOf({ attributes }: CheckInput): Asking {
  const { http } = attributes.request
  const headers = headersIn(http)
  const address = attributes.source?.address?.address?.value.address ?? ''
  return {
    id: /^[\x21-\x7e]{1,128}$/.test(http.id) ? http.id : '',
    method: http.method,
    path: http.path,
    header: (name) => headers.get(name) ?? [],
    sourceAddress: isIP(address.replace(/%.*$/, '')) ? address.replace(/%.*$/, '') : '',
    certificate: thumbprintOf(attributes.source?.certificate ?? ''),
    body: http.rawBody.length > 0 ? http.rawBody : Buffer.from(http.body),
  }
}

/** `encode_raw_headers` keeps values of one name apart; without it Envoy joins them with commas, and that is one value. */
function headersIn(http: CheckInput['attributes']['request']['http']): Map<string, string[]> {
  const headers = new Map<string, string[]>()
  const add = (name: string, value: string) =>
    headers.set(name.toLowerCase(), [...(headers.get(name.toLowerCase()) ?? []), value])
  for (const { key, value, rawValue } of http.headerMap?.headers ?? [])
    add(key, rawValue.length > 0 ? Buffer.from(rawValue).toString('latin1') : value)
  for (const [name, value] of Object.entries(http.headers)) add(name, value)
  return headers
}

function thumbprintOf(urlEncodedPem: string): string | undefined {
  if (!urlEncodedPem) return undefined
  try {
    const { raw } = new X509Certificate(decodeURIComponent(urlEncodedPem))
    return createHash('sha256').update(raw).digest('base64url')
  } catch {
    return undefined
  }
}
