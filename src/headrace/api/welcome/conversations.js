// The list of a flow's conversations. A conversation is a session: its messages have the same session id.

import { get, remove } from "./client.js";

const list = document.getElementById("conversations");

let lastTime = "";
let repetitions = 0;

/** Return the id of a new conversation. Ids sort by the time at which the conversation started, to the second. */
export function newSession() {
  const now = new Date();
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000);
  const time = local.toISOString().slice(0, 19).replace("T", " ");
  repetitions = time === lastTime ? repetitions + 1 : 0;
  lastTime = time;
  return repetitions ? `Chat ${time} (${repetitions + 1})` : `Chat ${time}`;
}

/** Show the conversations of a flow, the last id first. `open` is called with the id of the one that is selected. */
export async function showConversations(flowId, current, open) {
  const sessions = await get(`api/v1/monitor/messages/sessions?flow_id=${encodeURIComponent(flowId)}`);
  list.replaceChildren(...sessions.reverse().map((session) => entry(session, session === current, open)));
  return sessions;
}

function entry(session, isCurrent, open) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  button.textContent = session;
  if (isCurrent) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => open(session));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

export async function loadMessages(flowId, session) {
  return get(`api/v1/monitor/messages?${new URLSearchParams({ flow_id: flowId, session_id: session })}`);
}

export async function deleteConversation(session) {
  await remove(`api/v1/monitor/messages/session/${encodeURIComponent(session)}`);
}
