// One guest under `ringside run`, and one debug adapter attached to it.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { adapters } from './adapters.mjs';

const SECONDS = 60 * Number(process.env.RINGSIDE_TEST_TIMEOUT_FACTOR ?? 1);

export function kernelNamed(name) {
    return path.join(process.env.RINGSIDE_GUESTS, name);
}

// A running `ringside run`, stopped at the guest's first instruction.
export class Guest {
    constructor(kernel, options = []) {
        this.kernel = kernelNamed(kernel);
        this.errors = '';
        this.process = spawn(process.env.RINGSIDE,
            ['run', '-m', '64M', '--gdb=tcp:127.0.0.1:0', '--wait', ...options, this.kernel],
            { stdio: ['ignore', 'pipe', 'pipe'] });
        this.output = '';
        this.process.stdout.on('data', (data) => { this.output += data; });
        this.ended = new Promise((resolve) => this.process.on('exit', (status, signal) => resolve(status ?? signal)));
        this.port = new Promise((resolve, reject) => {
            this.process.stderr.on('data', (data) => {
                this.errors += data;
                const found = /listening on tcp:[^\s:]+:(\d+)/.exec(this.errors);
                if (found)
                    resolve(Number(found[1]));
            });
            this.ended.then((status) => reject(new Error(`ringside ended with ${status}: ${this.errors}`)));
        });
        this.port.catch(() => {});  // reported to whoever awaits it
    }

    // Resolves once the guest has printed something that matches.
    prints(pattern) {
        return new Promise((resolve) => {
            const look = () => pattern.test(this.output) && resolve();
            this.process.stdout.on('data', look);
            look();
        });
    }

    close() {
        this.process.kill('SIGKILL');
    }
}

// An adapter from its `initialize` to the end of its configuration; then what a user of an editor does.
export class Session {
    constructor(name) {
        this.adapter = adapters[name];
        this.client = this.adapter.start();
        this.client.defaultTimeout = SECONDS * 1000;
    }

    // Starts the adapter, which says what it can do.
    async start() {
        if (this.capabilities)
            return;
        await this.client.start();
        this.client.on('capabilities', ({ body }) => Object.assign(this.capabilities, body.capabilities));
        this.capabilities = (await this.client.initializeRequest()).body;
    }

    // Attaches, sets breakpoints and lets the guest run. Resolves once it runs.
    async attach(guest, where) {
        const port = await guest.port;
        await this.begin(() => this.client.attachRequest(this.adapter.attach(guest.kernel, port)), where);
    }

    // The same with a machine that the adapter starts.
    async launch(kernel, where) {
        await this.begin(() => this.client.launchRequest(this.adapter.launch(kernel)), where);
    }

    async begin(request, { breakpoints = [], functions = [] } = {}) {
        await this.start();
        const initialized = this.client.waitForEvent('initialized');
        const begun = request();
        await Promise.race([initialized, begun.then(() => initialized)]);  // a refusal comes instead of the event
        for (const [source, lines] of breakpoints)
            await this.client.setBreakpointsRequest({ source: { path: source }, breakpoints: lines });
        if (functions.length)
            await this.client.setFunctionBreakpointsRequest({ breakpoints: functions });
        await this.client.configurationDoneRequest();
        await begun;
    }

    // Attaches; resolves with the first hit of a breakpoint.
    reachIn(guest, where) {
        return this.reach(() => this.attach(guest, where));
    }

    async reach(begin) {
        const hit = new Promise((resolve, reject) => {
            this.client.on('stopped', ({ body }) => {
                if (/breakpoint/.test(body.reason))
                    resolve(body);
            });
            setTimeout(() => reject(new Error('no breakpoint was hit')), this.client.defaultTimeout).unref();
        });
        hit.catch(() => {});  // its failure is thrown by the await below
        await begin();
        return await hit;
    }

    // Does something that resumes the guest; resolves with the stop that ends it.
    async until(action) {
        const stopped = this.client.waitForEvent('stopped');
        await action();
        return (await stopped).body;
    }

    continue(threadId = 1) {
        return this.until(() => this.client.continueRequest({ threadId }));
    }

    // LLDB's adapters drop a pause that comes before they have seen the guest run: then their user presses the button again.
    async pause(threadId = 1) {
        const stopped = this.client.waitForEvent('stopped');
        let again;
        const press = () => {
            again = setTimeout(press, 2000);
            return this.client.pauseRequest({ threadId });
        };
        await press();
        return stopped.then(({ body }) => body).finally(() => clearTimeout(again));
    }

    async frames(threadId = 1) {
        return (await this.client.stackTraceRequest({ threadId })).body.stackFrames;
    }

    async variables(frameId, scopeName) {
        const { scopes } = (await this.client.scopesRequest({ frameId })).body;
        const scope = scopes.find((each) => each.name === scopeName);
        if (!scope)
            throw new Error(`no scope ${scopeName} among ${scopes.map((each) => each.name)}`);
        return (await this.client.variablesRequest({ variablesReference: scope.variablesReference })).body.variables;
    }

    // Registers, whose scope some adapters divide into groups.
    async registers(frameId) {
        const found = [];
        for (const each of await this.variables(frameId, this.adapter.registers)) {
            if (each.variablesReference)
                found.push(...(await this.client.variablesRequest({ variablesReference: each.variablesReference })).body.variables);
            else
                found.push(each);
        }
        return found;
    }

    // What an editor knows of a global variable that its user wants to watch: adapters want it by its frame or its scope.
    async dataBreakpoint(name) {
        const [frame] = await this.frames();
        const { scopes } = (await this.client.scopesRequest({ frameId: frame.id })).body;
        const globals = scopes.find((each) => /global/i.test(each.name));
        if (!globals)
            return (await this.client.dataBreakpointInfoRequest({ name, frameId: frame.id })).body;
        const { variablesReference } = globals;
        const { variables } = (await this.client.variablesRequest({ variablesReference })).body;
        const shown = variables.find((each) => each.name.endsWith(name)).name;
        return (await this.client.dataBreakpointInfoRequest({ name: shown, variablesReference })).body;
    }

    async addressOf(name) {
        const [frame] = await this.frames();
        return /0x[0-9a-f]+/.exec(await this.evaluate(`&${name}`, frame.id, 'watch'))[0];
    }

    // A 64-bit global variable, through the memory view.
    async readNumber(name) {
        const memoryReference = await this.addressOf(name);
        const { data } = (await this.client.customRequest('readMemory', { memoryReference, count: 8 })).body;
        return Number(Buffer.from(data, 'base64').readBigUInt64LE());
    }

    async evaluate(expression, frameId, context = 'repl') {
        return (await this.client.evaluateRequest({ expression, frameId, context })).body.result;
    }

    // Dies as an editor that crashes does.
    kill() {
        this.client._adapterProcess.kill('SIGKILL');
        this.client._adapterProcess = undefined;
    }

    // An adapter that has gone, or goes meanwhile, answers nothing any more.
    async close() {
        const adapter = this.client._adapterProcess;
        if (!adapter || adapter.exitCode !== null || adapter.signalCode !== null)
            return;
        const gone = new Promise((resolve) => adapter.on('exit', resolve));
        const late = new Promise((resolve) => setTimeout(resolve, SECONDS * 100).unref());
        await Promise.race([this.client.stop().catch(() => {}), gone, late]);
        adapter.kill('SIGKILL');
    }
}
