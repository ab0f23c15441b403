// Unverified: not compiled here. Swift 5.9, Foundation only.
import Foundation

extension Data {
    var base64URL: String {
        base64EncodedString()
            .replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    /// A form. URLComponents would leave a plus sign as it is, which servers read as a blank.
    init(form: KeyValuePairs<String, String>) {
        let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        let fields = form.map { name, value in
            name + "=" + (value.addingPercentEncoding(withAllowedCharacters: unreserved) ?? "")
        }
        self.init(fields.joined(separator: "&").utf8)
    }
}

/// What itsme put on the redirect URL.
struct Callback: Equatable {
    let state: String
    let code: String?
    let error: String?

    /// Reads the query of a redirect URL. Nil when it has no state, or a parameter twice.
    init?(_ url: URL) {
        let text = url.absoluteString.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        var query: [String: String] = [:]
        for pair in parts[1].split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.decode)
            guard query.updateValue(halves.count == 2 ? halves[1] : "", forKey: halves[0]) == nil else { return nil }
        }
        guard let state = query["state"], !state.isEmpty else { return nil }
        self.state = state
        code = query["code"]
        error = query["error"]
    }

    private static func decode(_ text: Substring) -> String {
        text.replacingOccurrences(of: "+", with: " ").removingPercentEncoding ?? ""
    }
}
