// One screen for Expo. Unverified: checked against the packages' types, not run on a phone.
import { useState, useSyncExternalStore } from "react";
import { ActivityIndicator, Button, Text, View } from "react-native";
import { Refusal, type Asked, type Reason, type State } from "../itsme";
import { createItsme } from "./expo";

// Outside of the component: a login outlives every screen.
const listeners = new Set<() => void>();
const itsme = createItsme(
  { gateway: "https://app.example.be", redirectUri: "https://app.example.be/itsme/app/callback" },
  () => listeners.forEach((listener) => listener()),
);
const subscribe = (listener: () => void) => { listeners.add(listener); return () => { listeners.delete(listener); }; };

const messages: Record<Reason, string> = {
  refused: "You did not log in.",
  expired: "It took too long. Please log in again.",
  over: "Please log in again.",
  logged_out: "Please log in again.",
  unreachable: "No connection. Please try again.",
  storage: "This phone cannot keep your login at this moment.",
  step_up: "This needs another login.",
  not_enough: "Your itsme cannot be used for this.",
  failed: "Something went wrong. Please try again.",
};

export default function App() {
  const state = useSyncExternalStore(subscribe, () => itsme.state);
  return <View style={{ flex: 1, justifyContent: "center", padding: 24, gap: 16 }}>{screen(state)}</View>;
}

function screen(state: State) {
  switch (state.name) {
    case "unread":
      return <ActivityIndicator />;
    case "unreadable":
      return <><Text>Your login cannot be read at this moment.</Text>
        <Button title="Try again" onPress={() => itsme.resume()} />
        <Button title="Log in anew" onPress={() => itsme.start()} /></>;
    case "logged_out":
      return <><Text>{state.reason && messages[state.reason]}</Text>
        <Button title="Log in with itsme" onPress={() => itsme.start()} /></>;
    case "starting": case "finishing":
      return <><ActivityIndicator /><Button title="Cancel" onPress={() => itsme.giveUp()} /></>;
    case "at_itsme": case "unanswered":
      return <><Text>Confirm in the itsme app.</Text>
        <Button title="Open itsme again" onPress={() => itsme.openItsme()} />
        <Button title="Start over" onPress={() => itsme.start()} />
        <Button title="Cancel" onPress={() => itsme.giveUp()} /></>;
    case "unfinished":
      return <><Text>No connection.</Text>
        <Button title="Try again" onPress={() => itsme.resume()} />
        <Button title="Cancel" onPress={() => itsme.giveUp()} /></>;
    case "logged_in":
      return <Profile reason={state.reason} />;
  }
}

function Profile({ reason }: { reason?: Reason | undefined }) {
  const [text, setText] = useState(reason ? messages[reason] : "");
  const [asked, setAsked] = useState<Asked>();
  async function show() {
    try {
      setText((await itsme.call("GET", "/api/profile")).body);
      setAsked(undefined);
    } catch (error) {
      setText(messages[error instanceof Refusal ? error.reason : "failed"]);
      setAsked(error instanceof Refusal ? error.asked : undefined);
    }
  }
  return <><Text>{text}</Text>
    <Button title="Show my profile" onPress={show} />
    {asked && <Button title="Log in again" onPress={() => itsme.start(asked)} />}
    <Button title="Log out" onPress={() => itsme.logOut()} /></>;
}
