// Unverified: not compiled here. Swift 5.9, iOS 16.
import Foundation
import Security

/// A value that outlives the app's process, on this device alone: itsme is another app, and iOS may
/// end this one while the user is there.
enum Keychain {
    struct Failure: Error { let status: OSStatus }

    /// Returns nil only if nothing is stored. Everything else that goes wrong is a Failure: a locked
    /// phone is not a logout.
    static func load(_ name: String) throws -> Data? {
        var query = item(name)
        query[kSecReturnData as String] = true
        var found: CFTypeRef?
        let status = SecItemCopyMatching(query as CFDictionary, &found)
        if status == errSecItemNotFound { return nil }
        guard status == errSecSuccess, let data = found as? Data else { throw Failure(status: status) }
        return data
    }

    static func save(_ data: Data, as name: String) throws {
        let attributes: [String: Any] = [
            kSecValueData as String: data,
            kSecAttrAccessible as String: kSecAttrAccessibleWhenUnlockedThisDeviceOnly,
        ]
        var status = SecItemUpdate(item(name) as CFDictionary, attributes as CFDictionary)
        if status == errSecItemNotFound {
            status = SecItemAdd(item(name).merging(attributes) { _, new in new } as CFDictionary, nil)
        }
        guard status == errSecSuccess else { throw Failure(status: status) }
    }

    static func delete(_ name: String) throws {
        let status = SecItemDelete(item(name) as CFDictionary)
        guard status == errSecSuccess || status == errSecItemNotFound else { throw Failure(status: status) }
    }

    private static func item(_ name: String) -> [String: Any] {
        [
            kSecClass as String: kSecClassGenericPassword,
            kSecAttrService as String: "itsme",
            kSecAttrAccount as String: name,
        ]
    }
}
