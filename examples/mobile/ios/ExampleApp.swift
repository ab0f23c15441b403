// Unverified: not compiled here. Swift 5.9, iOS 16.
import SwiftUI

@main
struct ExampleApp: App {
    @Environment(\.scenePhase) private var scenePhase
    @StateObject private var login = ItsmeLogin(gateway: ItsmeGateway(
        origin: URL(string: "https://app.example.be")!,
        redirectURL: URL(string: "https://app.example.be/itsme/app/callback")!
    ))

    var body: some Scene {
        WindowGroup {
            LoginView(login: login)
                .onOpenURL { url in Task { await login.comeBack(url) } }
                // Some ways in hand over the activity instead; a second arrival finds nothing to do.
                .onContinueUserActivity(NSUserActivityTypeBrowsingWeb) { activity in
                    guard let url = activity.webpageURL else { return }
                    Task { await login.comeBack(url) }
                }
                .onChange(of: scenePhase) { phase in
                    guard phase == .active else { return }
                    Task { await login.foreground() }
                }
        }
    }
}

struct LoginView: View {
    @ObservedObject var login: ItsmeLogin
    @State private var profile = ""

    var body: some View {
        VStack(spacing: 20) {
            switch login.state {
            case .loggedOut(let message):
                if let message { Text(message) }
                Button("Log in with itsme") { Task { await login.start() } }
            case .busy, .away:
                ProgressView()
            case .unanswered(let started):
                Text("We have not heard from itsme yet.")
                Button("Open itsme again") { Task { await login.open(started) } }
                Button("Start over") { Task { await login.startOver(started) } }
            case .loggedIn:
                Text(profile)
                Button("Show my profile") { Task { profile = await login.profile() ?? "" } }
                Button("Log out") { Task { await login.logOut() } }
            }
        }
        .padding()
    }
}
