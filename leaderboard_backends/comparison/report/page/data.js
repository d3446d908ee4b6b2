// What the page carries with it: gzip as base64, in script elements that no browser runs.

async function inflated(name) {
  const packed = Uint8Array.from(atob(document.getElementById(`data-${name}`).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).text();
}

function offerDownload(button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([await inflated("result")], { type: "application/json" }));
    link.download = "result.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
}

function offerCopy(button, source) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2_000);
  });
}

const download = document.getElementById("download");
if (download) offerDownload(download);
offerCopy(document.getElementById("copy"), document.getElementById("page-command"));

// The line for a config ends its paragraph: a button that copies it follows.
for (const code of document.querySelectorAll(".lead > p > code:last-child")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.ariaLabel = `Copy ${code.textContent}`;
  code.after(button);
  offerCopy(button, code);
}
