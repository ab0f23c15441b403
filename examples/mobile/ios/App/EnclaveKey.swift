// Unverified: not compiled here. Swift 5.9, iOS 16.
import CryptoKit
import Foundation

/// The key that binds logins to this phone. The Secure Enclave makes it, and signs with it. What the
/// keychain stores is a handle that only this Secure Enclave opens.
struct EnclaveKey: SigningKey {
    private let key: SecureEnclave.P256.Signing.PrivateKey

    var publicKey: Data { key.publicKey.rawRepresentation }

    func sign(_ data: Data) throws -> Data { try key.signature(for: data).rawRepresentation }

    /// Returns the key of this phone, and makes it if there is none. It throws when the keychain cannot be
    /// read, as on a locked phone. Nil where there is no Secure Enclave: in the simulator.
    static func stored() throws -> EnclaveKey? {
        guard SecureEnclave.isAvailable else { return nil }
        if let handle = try Keychain.load(name),
           let key = try? SecureEnclave.P256.Signing.PrivateKey(dataRepresentation: handle) {
            return EnclaveKey(key: key)
        }
        let made = try SecureEnclave.P256.Signing.PrivateKey() // none, or one of a Secure Enclave that was erased
        try Keychain.save(made.dataRepresentation, as: name)
        return EnclaveKey(key: made)
    }

    static func forget() throws { try Keychain.delete(name) }

    private static let name = "key"
}
