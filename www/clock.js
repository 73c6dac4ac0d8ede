// Shows each line that cgi-bin/clock prints.
const time = document.getElementById("time");
const state = document.getElementById("state");
const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/clock`);
state.textContent = "Connecting …";
socket.onopen = () => state.textContent = "Connected.";
socket.onmessage = ({ data }) => time.textContent = data;
socket.onclose = ({ code }) => state.textContent = `The connection has ended (${code}). Load the page again for another one.`;
