// Unverified: not compiled here. Swift 5.9, iOS 16.
import Foundation
import Security

/// Values that outlive the app's process, on this device alone: itsme is another app, and iOS may
/// end this one while the person is there.
enum Keychain {
    struct Failure: Error { let status: OSStatus }

    static func save<T: Encodable>(_ value: T, as name: String) throws {
        let attributes: [String: Any] = [
            kSecValueData as String: try JSONEncoder().encode(value),
            kSecAttrAccessible as String: kSecAttrAccessibleWhenUnlockedThisDeviceOnly,
        ]
        var status = SecItemUpdate(item(name) as CFDictionary, attributes as CFDictionary)
        if status == errSecItemNotFound {
            status = SecItemAdd(item(name).merging(attributes) { _, new in new } as CFDictionary, nil)
        }
        guard status == errSecSuccess else { throw Failure(status: status) }
    }

    static func load<T: Decodable>(_ type: T.Type, named name: String) -> T? {
        var query = item(name)
        query[kSecReturnData as String] = true
        var found: CFTypeRef?
        guard SecItemCopyMatching(query as CFDictionary, &found) == errSecSuccess, let data = found as? Data else { return nil }
        return try? JSONDecoder().decode(type, from: data)
    }

    static func delete(_ name: String) {
        SecItemDelete(item(name) as CFDictionary)
    }

    private static func item(_ name: String) -> [String: Any] {
        [
            kSecClass as String: kSecClassGenericPassword,
            kSecAttrService as String: "itsme",
            kSecAttrAccount as String: name,
        ]
    }
}
