// Logs a user in on the demo: npm run try
import { Phone } from "./test/phone.js";

async function main(): Promise<void> {
  const phone = new Phone(); // stands for the phone, and for the user
  const itsme = phone.app();
  await itsme.resume(); // the app starts
  await itsme.start(); // the user taps the button
  console.log(itsme.state.name, phone.opened[0]);
  const link = await phone.approve(); // the user approves in itsme, which opens a link
  await itsme.link(link); // the phone hands the link to the app
  console.log(itsme.state.name);
  console.log((await itsme.call("GET", "/api/profile")).body);
  await itsme.logOut();
  console.log(itsme.state.name);
}

void main();
