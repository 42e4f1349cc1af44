/** What framed pages say in English. */

import type { FrameWords } from "../texts";

export const en: FrameWords = {
  installed: "Dozvon is connected to this portal",
  installing: "Finishing the installation…",
  install_next: "Next: assign extensions to your employees on the page “Employees” in Dozvon.",
  install_stuck:
    "The portal does not answer to the end of the installation. Reload the portal’s page; if that does not help, check that the browser reaches the server with Bitrix24’s scripts.",
  panel_title: "Calls",
  panel_empty: "There are no calls now. The cards of your calls will appear here.",
  call_title: "The client of this call",
  call_waiting: "Waiting for the call from Dozvon…",
  call_foreign: "This call does not go through Dozvon: there is no client card for it.",
  number: "Phone number",
  call: "Call",
  call_number: "Call {number}",
  dialled: "Dialling {number}: your phone rings first",
  client_title: "The client’s calls",
  client_empty: "There have been no calls with this client yet.",
  client_no_phones: "The card has no phone. Add a number, and the calls appear here.",
  client_more: "The last calls: {n}",
  loading: "Loading the calls…",
  again: "Reload",
  inbound: "Incoming",
  outbound: "Outgoing",
  internal: "Internal",
  answered: "answered",
  missed: "missed",
  unanswered: "no answer",
  busy: "busy",
  by: "Employee:",
  record: "Recording, {when}",
  list_title: "Add to a list to call",
  list_about:
    "Bitrix24 does not tell applications who is ticked in a list. Choose the same people in the portal’s window.",
  list_choose: "Choose in the CRM",
  list_nobody: "Nobody was chosen.",
  no_session: "The CRM did not confirm who you are. Reload the CRM’s page.",
};
