// The chat: selects a flow and a conversation, sends messages and shows the answers as they arrive.

import { get, logIn, logOut, LoginRequiredError, post, problemText, runFlow } from "./client.js";
import { deleteConversation, loadMessages, newSession, showConversations } from "./conversations.js";
import { copySnippet, createKey, forgetKey, showSnippet } from "./snippet.js";
import * as transcript from "./transcript.js";

const BASIC_CHAT = "basic-chat";
/** Width below which the list of conversations is closed at first, in pixels. */
const PHONE_WIDTH = 720;

const element = (id) => document.getElementById(id);
const message = element("message");
let flows = [];
let flow;
let session = newSession();
/** Identifies the conversation that was selected last, while its messages are loaded. */
let lastOpening;
/** Aborts the current run; undefined if no answer is expected. */
let running;

/** Run an action of the user. An error is shown in the chat, a missing login shows the form. */
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    if (error instanceof LoginRequiredError) showLogin();
    else transcript.addError(error.message);
  }
}

function showLogin() {
  running?.abort();
  element("chat").hidden = true;
  element("log-out").hidden = true;
  element("log-in").hidden = false;
  element("log-in-form").elements.username.focus();
}

async function start() {
  const user = await get("api/v1/users/whoami");
  element("log-in").hidden = true;
  element("chat").hidden = false;
  element("log-out").hidden = document.body.dataset.autoLogin === "on";
  element("log-out").textContent = `Log out ${user.username}`;
  await loadFlows();
  message.focus();
}

async function loadFlows() {
  const headers = await get("api/v1/flows/?header_flows=true&get_all=true");
  flows = headers.filter((header) => !header.is_component);
  element("no-flow-notice").hidden = flows.length > 0;
  element("composer").hidden = flows.length === 0;
  element("snippet-panel").hidden = flows.length === 0;
  element("flow").replaceChildren(...flows.map((header) => new Option(header.name, header.id)));
  if (flows.length > 0) await selectFlow(flows.find((header) => header.endpoint_name === BASIC_CHAT) ?? flows[0]);
}

async function selectFlow(selected) {
  flow = selected;
  element("flow").value = flow.id;
  element("flow-name").textContent = flow.name;
  document.title = `${flow.name} – headrace`;
  showSnippet(flow);
  await openConversation(newSession());
  if (flow === selected) await showModelNotice(selected);
}

/** Show how to install the local model if the flow uses it and it is missing. */
async function showModelNotice(selected) {
  element("model-notice").hidden = true;
  if (document.body.dataset.localModel === "installed") return;
  const { data } = await get(`api/v1/flows/${selected.id}`);
  const usesLocalModel = data?.nodes?.some((node) => node.data?.node?.template?.provider?.value === "Local");
  if (flow === selected) element("model-notice").hidden = !usesLocalModel;
}

async function openConversation(id) {
  running?.abort();
  const opening = (lastOpening = Symbol(id));
  session = id;
  transcript.clear();
  const { id: flowId } = flow;
  const sessions = await showConversations(flowId, id, selectConversation);
  const stored = sessions.includes(id) ? await loadMessages(flowId, id) : [];
  // Another conversation may have been selected, or a message sent, since the requests were sent.
  if (opening !== lastOpening) return;
  element("delete-conversation").hidden = stored.length === 0;
  stored.forEach(addMessage);
}

function selectConversation(id) {
  return attempt(async () => {
    await openConversation(id);
    message.focus();
  });
}

function addMessage({ sender, sender_name: name, text }) {
  const isUser = sender === "User";
  return transcript.add(isUser ? "user" : "answer", isUser ? "You" : name, text);
}

async function send() {
  const input = message.value.trim();
  if (!input || running) return;
  message.value = "";
  lastOpening = undefined;
  transcript.add("user", "You", input);
  running = new AbortController();
  showRunning(true);
  transcript.announce("Waiting for the answer.");
  try {
    await showAnswer(runFlow(flow.id, input, session, running.signal));
    // If the model was missing, it has been installed since the page was loaded.
    element("model-notice").hidden = true;
  } catch (error) {
    // The message of a run that failed can be corrected and sent again.
    if (error.name !== "AbortError" && !message.value) message.value = input;
    throw error;
  } finally {
    running = undefined;
    showRunning(false);
  }
  await showConversations(flow.id, session, selectConversation);
  element("delete-conversation").hidden = false;
}

/** Show the answers of a run while they are streamed, by message id: a flow can have several outputs. */
async function showAnswer(events) {
  const answers = new Map();
  const texts = new Map();
  try {
    for await (const { event, data } of events) {
      if (event === "error") throw new Error(problemText(data.error ?? data));
      if (event === "token") texts.set(data.id, (texts.get(data.id) ?? "") + data.chunk);
      else if (event === "add_message" && data.sender !== "User") texts.set(data.id, data.text);
      else continue;
      if (!answers.has(data.id)) answers.set(data.id, transcript.add("answer", data.sender_name ?? "AI", ""));
      transcript.grow(answers.get(data.id), texts.get(data.id));
    }
    transcript.announce(`Answer: ${[...texts.values()].join("\n")}`);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
    transcript.add("note", "Stopped", "You stopped this answer.");
    transcript.announce("Stopped.");
  } finally {
    for (const body of answers.values()) transcript.removeIfEmpty(body);
  }
}

function showRunning(isRunning) {
  element("send").hidden = isRunning;
  element("stop").hidden = !isRunning;
  message.focus();
}

function stop() {
  running?.abort();
}

async function createBasicChat() {
  const examples = await get("api/v1/flows/basic_examples/");
  // The list of starter flows contains Basic Chat first, without the name of its endpoint.
  const { name, description, icon, tags, data } = examples[0];
  await post("api/v1/flows/", { name, description, icon, tags, endpoint_name: BASIC_CHAT, data });
  await loadFlows();
  message.focus();
}

element("log-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  element("log-in-error").textContent = "";
  try {
    await logIn(new FormData(form));
    form.reset();
    await attempt(start);
  } catch (error) {
    element("log-in-error").textContent = error.message;
  }
});
element("log-out").addEventListener("click", () =>
  attempt(async () => {
    await logOut();
    forgetKey();
    transcript.clear();
    showLogin();
  }),
);
element("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(send);
});
message.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    element("composer").requestSubmit();
  }
});
document.addEventListener("keydown", (event) => event.key === "Escape" && stop());
element("stop").addEventListener("click", stop);
element("flow").addEventListener("change", (event) =>
  attempt(() => selectFlow(flows.find((header) => header.id === event.target.value))),
);
element("new-conversation").addEventListener("click", () => selectConversation(newSession()));
element("delete-conversation").addEventListener("click", () =>
  attempt(async () => {
    if (!window.confirm("Delete this conversation?")) return;
    await deleteConversation(session);
    await openConversation(newSession());
  }),
);
element("create-flow").addEventListener("click", () => attempt(createBasicChat));
element("create-key").addEventListener("click", () => attempt(createKey));
element("copy-snippet").addEventListener("click", () => attempt(copySnippet));
element("conversations-panel").open = window.innerWidth >= PHONE_WIDTH;
attempt(start);
