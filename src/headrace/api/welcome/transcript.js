// The list of messages, and what a screen reader announces about it.

const list = document.getElementById("transcript");
const status = document.getElementById("status");

/** Announce a text to screen readers, politely. */
export function announce(text) {
  status.textContent = text;
}

export function clear() {
  list.replaceChildren();
  announce("");
}

/** Add a message and return its text element, which can grow while an answer is streamed. */
export function add(kind, author, text) {
  const item = document.createElement("li");
  item.className = `message ${kind}`;
  const name = document.createElement("span");
  name.className = "author";
  name.textContent = author;
  const body = document.createElement("div");
  body.className = "text";
  body.textContent = text;
  item.append(name, body);
  list.append(item);
  list.scrollTop = list.scrollHeight;
  return body;
}

/** Add an error, which screen readers announce at once. */
export function addError(text) {
  add("error", "Error", text).setAttribute("role", "alert");
}

/** Change the text of an answer, and keep the end visible if it was. */
export function grow(body, text) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  body.textContent = text;
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** Remove an answer that has no text. */
export function removeIfEmpty(body) {
  if (!body.textContent) body.parentElement.remove();
}
