/**
 * PKCS#11 (Cryptoki 2.40) by its C interface, as much of it as a key store needs. koffi calls the module: it comes built
 * for every platform, whereas bindings made for PKCS#11 have to be compiled where they are installed. It is loaded only
 * when a module is configured. Calls run on koffi's threads, so a slow device does not stop the service.
 */
import { ConfigurationError } from '@credence/shared/config'
import { messageOf } from '@credence/shared/log'

export const CKR = {
  GENERAL_ERROR: 0x05,
  FUNCTION_FAILED: 0x06,
  OK: 0x00,
  DEVICE_ERROR: 0x30,
  DEVICE_REMOVED: 0x32,
  OBJECT_HANDLE_INVALID: 0x82,
  PIN_INCORRECT: 0xa0,
  PIN_LOCKED: 0xa4,
  SESSION_CLOSED: 0xb0,
  SESSION_HANDLE_INVALID: 0xb3,
  TOKEN_NOT_PRESENT: 0xe0,
  USER_ALREADY_LOGGED_IN: 0x100,
  USER_NOT_LOGGED_IN: 0x101,
  CRYPTOKI_ALREADY_INITIALIZED: 0x191,
} as const
export const CKO = { CERTIFICATE: 0x01, PUBLIC_KEY: 0x02, PRIVATE_KEY: 0x03 } as const
export const CKA = {
  CLASS: 0x000,
  TOKEN: 0x001,
  PRIVATE: 0x002,
  LABEL: 0x003,
  VALUE: 0x011,
  CERTIFICATE_TYPE: 0x080,
  SUBJECT: 0x101,
  ID: 0x102,
  SENSITIVE: 0x103,
  SIGN: 0x108,
  VERIFY: 0x10a,
  MODULUS: 0x120,
  MODULUS_BITS: 0x121,
  PUBLIC_EXPONENT: 0x122,
  EXTRACTABLE: 0x162,
  EC_PARAMS: 0x180,
  EC_POINT: 0x181,
} as const
export const CKM = {
  RSA_PKCS_KEY_PAIR_GEN: 0x0000,
  SHA256_RSA_PKCS: 0x0040,
  EC_KEY_PAIR_GEN: 0x1040,
  ECDSA: 0x1041,
  EC_EDWARDS_KEY_PAIR_GEN: 0x1055,
  EDDSA: 0x1057,
} as const

const CKF_OS_LOCKING_OK = 0x02
const CKF_RW_SESSION_AND_SERIAL = 0x06
const CKU_USER = 1
const TOKEN_INFO_BYTES = 256
const LABEL_BYTES = 32
const FOUND_AT_ONCE = 64

export class CryptokiError extends Error {
  readonly code: number
  constructor(name: string, code: number) {
    super(`PKCS#11: ${name} answered 0x${code.toString(16)}`)
    this.code = code
  }
}

/** The value of an attribute; numbers and truth as PKCS#11 writes them. */
export type Attribute = [type: number, value: Uint8Array | string | number | boolean]
export type Cryptoki = Awaited<ReturnType<typeof loadCryptoki>>

/** @throws ConfigurationError when the module, or koffi, cannot be loaded */
export async function loadCryptoki(path: string) {
  const { koffi, library } = await load(path)
  const ulong = koffi.sizeof('ulong')
  for (const [name, members] of Object.entries(STRUCTS)) declare(koffi, name, members)

  const define = (name: string, parameters: string) => {
    const call = library.func(`ulong ${name}(${parameters})`)
    return (...values: unknown[]): Promise<number> =>
      new Promise((resolve, reject) =>
        call.async(...values, (error: Error | null, code: number) => (error ? reject(error) : resolve(Number(code)))),
      )
  }
  const checked = (name: string, parameters: string) => {
    const call = define(name, parameters)
    return async (...values: unknown[]): Promise<void> => {
      const code = await call(...values)
      if (code !== CKR.OK) throw new CryptokiError(name, code)
    }
  }
  const initialize = define('C_Initialize', 'CredenceInitializeArgs *args')
  const finalize = define('C_Finalize', 'void *reserved')
  const getSlotList = checked('C_GetSlotList', 'uchar present, _Out_ ulong *list, _Inout_ ulong *count')
  const getTokenInfo = checked('C_GetTokenInfo', 'ulong slot, _Out_ uchar *info')
  const openSession = checked('C_OpenSession', 'ulong slot, ulong flags, void *app, void *notify, _Out_ ulong *session')
  const closeSession = define('C_CloseSession', 'ulong session')
  const login = define('C_Login', 'ulong session, ulong user, uchar *pin, ulong length')
  const templated = 'CredenceAttribute *template, ulong count'
  const generateKeyPair = checked(
    'C_GenerateKeyPair',
    `ulong session, CredenceMechanism *mechanism, ${templated}, CredenceAttribute *privateTemplate, ulong privateCount, _Out_ ulong *publicKey, _Out_ ulong *privateKey`,
  )
  const createObject = checked('C_CreateObject', `ulong session, ${templated}, _Out_ ulong *object`)
  const destroyObject = checked('C_DestroyObject', 'ulong session, ulong object')
  const getAttributes = checked(
    'C_GetAttributeValue',
    'ulong session, ulong object, _Inout_ CredenceAttribute *template, ulong count',
  )
  const findInit = checked('C_FindObjectsInit', `ulong session, ${templated}`)
  const find = checked('C_FindObjects', 'ulong session, _Out_ ulong *objects, ulong maximum, _Out_ ulong *count')
  const findFinal = checked('C_FindObjectsFinal', 'ulong session')
  const signInit = checked('C_SignInit', 'ulong session, CredenceMechanism *mechanism, ulong key')
  const sign = checked(
    'C_Sign',
    'ulong session, uchar *data, ulong length, _Out_ uchar *signature, _Inout_ ulong *signatureLength',
  )

  const bytesOf = (value: Attribute[1]): Uint8Array => {
    if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0)
    if (typeof value === 'string') return Buffer.from(value)
    if (typeof value !== 'number') return value
    const bytes = Buffer.alloc(ulong)
    bytes.writeUInt32LE(value)
    return bytes
  }
  const template = (attributes: Attribute[]) =>
    attributes.map(([type, value]) => {
      const pValue = bytesOf(value)
      return { type, pValue, ulValueLen: pValue.length }
    })
  const mechanism = (code: number) => ({ mechanism: code, pParameter: null, ulParameterLen: 0 })

  return {
    initialize: async () => {
      const code = await initialize({ ...NO_MUTEXES, flags: CKF_OS_LOCKING_OK })
      if (code !== CKR.OK && code !== CKR.CRYPTOKI_ALREADY_INITIALIZED) throw new CryptokiError('C_Initialize', code)
    },
    finalize: () => finalize(null),
    /** Slots that hold a token, with its label. */
    tokens: async (): Promise<{ slot: number; label: string }[]> => {
      const count = [0]
      await getSlotList(1, null, count)
      const slots = new Array<number>(count[0] ?? 0).fill(0)
      await getSlotList(1, slots, count)
      const tokens: { slot: number; label: string }[] = []
      for (const slot of slots) {
        const info = Buffer.alloc(TOKEN_INFO_BYTES)
        await getTokenInfo(slot, info)
        tokens.push({ slot, label: info.toString('utf8', 0, LABEL_BYTES).trimEnd() })
      }
      return tokens
    },
    openSession: async (slot: number): Promise<number> => {
      const session = [0]
      await openSession(slot, CKF_RW_SESSION_AND_SERIAL, null, null, session)
      return session[0] as number
    },
    closeSession,
    login: async (session: number, pin: Uint8Array) => {
      const code = await login(session, CKU_USER, pin, pin.length)
      if (code !== CKR.OK && code !== CKR.USER_ALREADY_LOGGED_IN) throw new CryptokiError('C_Login', code)
    },
    generateKeyPair: async (session: number, code: number, publicPart: Attribute[], privatePart: Attribute[]) => {
      const [publicKey, privateKey] = [[0], [0]]
      const parts = [template(publicPart), publicPart.length, template(privatePart), privatePart.length]
      await generateKeyPair(session, mechanism(code), ...parts, publicKey, privateKey)
      return { publicKey: publicKey[0] as number, privateKey: privateKey[0] as number }
    },
    createObject: async (session: number, attributes: Attribute[]) => {
      await createObject(session, template(attributes), attributes.length, [0])
    },
    destroyObject,
    attribute: async (session: number, object: number, type: number): Promise<Buffer> => {
      const size = [{ type, pValue: null, ulValueLen: 0 }]
      await getAttributes(session, object, size, 1)
      const pValue = Buffer.alloc(Number(size[0]?.ulValueLen ?? 0))
      await getAttributes(session, object, [{ type, pValue, ulValueLen: pValue.length }], 1)
      return pValue
    },
    find: async (session: number, attributes: Attribute[]): Promise<number[]> => {
      await findInit(session, template(attributes), attributes.length)
      const found: number[] = []
      try {
        for (;;) {
          const [objects, count] = [new Array<number>(FOUND_AT_ONCE).fill(0), [0]]
          await find(session, objects, FOUND_AT_ONCE, count)
          const some = count[0] as number
          if (some === 0) return found
          found.push(...objects.slice(0, some))
        }
      } finally {
        await findFinal(session)
      }
    },
    sign: async (session: number, code: number, key: number, data: Uint8Array, longest: number): Promise<Buffer> => {
      await signInit(session, mechanism(code), key)
      const [signature, length] = [Buffer.alloc(longest), [longest]]
      await sign(session, data, data.length, signature, length)
      return signature.subarray(0, length[0])
    },
  }
}

const STRUCTS = {
  CredenceAttribute: { type: 'ulong', pValue: 'void *', ulValueLen: 'ulong' },
  CredenceMechanism: { mechanism: 'ulong', pParameter: 'void *', ulParameterLen: 'ulong' },
  CredenceInitializeArgs: {
    createMutex: 'void *',
    destroyMutex: 'void *',
    lockMutex: 'void *',
    unlockMutex: 'void *',
    flags: 'ulong',
    reserved: 'void *',
  },
}
const NO_MUTEXES = { createMutex: null, destroyMutex: null, lockMutex: null, unlockMutex: null, reserved: null }

type Koffi = typeof import('koffi')['default']

/** A structure has one name in a process. */
const declared = new Set<string>()
function declare(koffi: Koffi, name: string, members: Record<string, string>): void {
  if (!declared.has(name)) koffi.struct(name, members)
  declared.add(name)
}

async function load(path: string) {
  try {
    const { default: koffi } = await import('koffi')
    return { koffi, library: koffi.load(path) }
  } catch (error) {
    throw new ConfigurationError(`CREDENCE_KEYS_PKCS11_MODULE (${path}) cannot be loaded: ${messageOf(error)}`)
  }
}
