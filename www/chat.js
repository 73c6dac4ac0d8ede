// Sends lines to cgi-bin/chat.py and shows those that it prints: of all who are there, this one too. What others write is text
// and nothing else here.
const MOST_LINES = 200;
const [lines, state, form, name, text] = ["lines", "state", "form", "name", "text"].map((id) => document.getElementById(id));
const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/chat`);
state.textContent = "Connecting …";
socket.onopen = () => state.textContent = "Connected.";
socket.onmessage = ({ data }) => {
  const isAtEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 8;
  const line = document.createElement("p");
  line.textContent = data;
  lines.append(line);
  if (lines.children.length > MOST_LINES) lines.firstElementChild.remove();
  if (isAtEnd) lines.scrollTop = lines.scrollHeight;
};
socket.onclose = ({ code }) => {
  state.textContent = `The connection has ended (${code}). Load the page again for another one.`;
  form.querySelector("button").disabled = true;
};
form.onsubmit = (event) => {
  event.preventDefault();
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(`${name.value}: ${text.value}`);
  text.value = "";
  text.focus();
};
