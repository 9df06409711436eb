// What a user of an editor does with a kernel, one function each: it throws when something is not as it should be.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { machineLock } from './adapters.mjs';
import { kernelNamed } from './session.mjs';

const WORK = path.join(process.env.RINGSIDE_SOURCES, 'guests/demo64/work.cpp');
const PASSED = 33;  // a guest's exit status when it found everything right

export const scenarios = {
    async stops_at_a_function(t) {
        const stop = await t.session.reachIn(t.guest('demo64'), { functions: [{ name: 'step' }] });
        assert.match(stop.reason, /breakpoint/);
        const frames = await t.session.frames();
        assert.match(frames[0].name, /^step\b/);
        assert.match(frames[1].name, /task_main/);
        assert.equal(path.basename(frames[0].source.path), 'work.cpp');
    },

    async stops_at_a_line(t) {
        const line = t.lineOf(WORK, 'return sum * 31 + value');
        const stop = await t.session.reachIn(t.guest('demo64'), { breakpoints: [[WORK, [{ line }]]] });
        assert.match(stop.reason, /breakpoint/);
        assert.equal((await t.session.frames())[0].line, line);
    },

    async obeys_a_condition(t) {
        await t.needs('supportsConditionalBreakpoints');
        const line = t.lineOf(WORK, 'return sum * 31 + value');
        await t.session.reachIn(t.guest('demo64'), { breakpoints: [[WORK, [{ line, condition: 'value == 25' }]]] });
        const [frame] = await t.session.frames();
        assert.equal(await t.session.evaluate('value', frame.id, 'hover'), '25');
    },

    async obeys_a_hit_count(t) {
        await t.needs('supportsHitConditionalBreakpoints');
        const line = t.lineOf(WORK, 'checksum(queue)');
        await t.session.reachIn(t.guest('demo64'), { breakpoints: [[WORK, [{ line, hitCondition: '3' }]]] });
        const [frame] = await t.session.frames();
        assert.equal(await t.session.evaluate('round', frame.id, 'hover'), '3');
    },

    async prints_at_a_logpoint_without_stopping(t) {
        await t.needs('supportsLogPoints');
        const line = t.lineOf(WORK, 'return sum * 31 + value');
        const guest = t.guest('demo64', ['--append=rounds=3']);
        let output = '';
        t.session.client.on('output', (event) => { output += event.body.output; });
        const ended = t.session.client.waitForEvent('terminated');
        await t.session.attach(guest, { breakpoints: [[WORK, [{ line, logMessage: 'mixing {value}' }]]] });
        await ended;
        const { logged } = t.session.adapter;
        assert.ok(output.includes(logged('mixing {value}', 1)) && output.includes(logged('mixing {value}', 4)), output);
    },

    async shows_arguments_and_locals(t) {
        await t.session.reachIn(t.guest('demo64'), { functions: [{ name: 'mix' }] });
        const [frame] = await t.session.frames();
        const { scopes } = (await t.session.client.scopesRequest({ frameId: frame.id })).body;
        const names = [];
        for (const scope of scopes.filter((each) => /local|argument/i.test(each.name)))
            names.push(...(await t.session.client.variablesRequest({ variablesReference: scope.variablesReference })).body
                .variables.map((each) => each.name));
        assert.ok(names.includes('sum') && names.includes('value'), names.join());
    },

    async changes_a_variable(t) {
        await t.needs('supportsSetVariable');
        await t.session.reachIn(t.guest('demo64'), { functions: [{ name: 'mix' }] });
        const [frame] = await t.session.frames();
        const { scopes } = (await t.session.client.scopesRequest({ frameId: frame.id })).body;
        const scope = scopes.find((each) => /local/i.test(each.name));
        await t.session.client.variablesRequest({ variablesReference: scope.variablesReference });
        await t.session.client.setVariableRequest({ variablesReference: scope.variablesReference, name: 'value', value: '77' });
        assert.equal(await t.session.evaluate('value', frame.id, 'hover'), '77');
    },

    async shows_registers(t) {
        await t.session.reachIn(t.guest('demo64'), { functions: [{ name: 'guest_main' }] });
        const [frame] = await t.session.frames();
        const names = (await t.session.registers(frame.id)).map((each) => each.name);
        for (const name of ['rip', 'rsp', 'cr3'])
            assert.ok(names.some((each) => each.replace(/^\$/, '') === name), `no ${name} in ${names}`);
    },

    async steps_over_into_and_out(t) {
        await t.session.reachIn(t.guest('demo64'), { functions: [{ name: 'step' }] });
        const before = (await t.session.frames())[0];
        await t.session.until(() => t.session.client.nextRequest({ threadId: 1 }));
        assert.ok((await t.session.frames())[0].line > before.line);
        await t.session.until(() => t.session.client.stepInRequest({ threadId: 1 }));
        assert.match((await t.session.frames())[0].name, /^(::)?produce\b/);
        await t.session.until(() => t.session.client.stepOutRequest({ threadId: 1 }));
        assert.match((await t.session.frames())[0].name, /^step\b/);
    },

    async steps_back(t) {
        await t.needs('supportsStepBack');
        await t.session.reachIn(t.guest('demo64', ['--record']), { functions: [{ name: 'step' }] });
        const before = (await t.session.frames())[0];
        await t.session.until(() => t.session.client.nextRequest({ threadId: 1 }));
        await t.session.until(() => t.session.client.stepBackRequest({ threadId: 1 }));
        assert.equal((await t.session.frames())[0].line, before.line);
    },

    async steps_back_by_an_instruction(t) {
        await t.needs('supportsStepBack');
        await t.session.reachIn(t.guest('demo64', ['--record']), { functions: [{ name: 'step' }] });
        const place = async () => (await t.session.frames())[0].instructionPointerReference;
        const step = { threadId: 1, granularity: 'instruction' };
        const before = await place();
        await t.session.until(() => t.session.client.nextRequest(step));
        assert.notEqual(await place(), before);
        await t.session.until(() => t.session.client.stepBackRequest(step));
        assert.equal(await place(), before);
    },

    async goes_back_to_a_breakpoint_and_to_the_beginning(t) {
        await t.needs('supportsStepBack');
        await t.session.reachIn(t.guest('demo64', ['--record']), { functions: [{ name: 'step' }] });
        const before = (await t.session.frames())[0];
        await t.session.until(() => t.session.client.stepOutRequest({ threadId: 1 }));
        const { reason } = await t.session.until(() => t.session.client.reverseContinueRequest({ threadId: 1 }));
        assert.match(reason, /breakpoint/);
        assert.equal((await t.session.frames())[0].line, before.line);
        const said = t.message(/^The recording begins here/);
        await t.session.until(() => t.session.client.reverseContinueRequest({ threadId: 1 }));
        await said;
        assert.equal((await t.session.frames())[0].name, 'pvh_entry');
    },

    async passes_a_logpoint_on_the_way_back(t) {
        await t.needs('supportsStepBack');
        await t.session.reachIn(t.guest('demo64', ['--record']), { functions: [{ name: 'step' }] });
        const task = async () => t.session.evaluate('task', (await t.session.frames())[0].id, 'hover');
        const before = await task();
        await t.session.until(() => t.session.client.stepOutRequest({ threadId: 1 }));
        const breakpoints = [{ line: t.lineOf(WORK, 'produce(queue, number'), logMessage: 'a producer' }];
        await t.session.client.setBreakpointsRequest({ source: { path: WORK }, breakpoints });
        const logged = t.output(/a producer/);
        await t.session.until(() => t.session.client.reverseContinueRequest({ threadId: 1 }));
        await logged;
        assert.match((await t.session.frames())[0].name, /^step\b/);
        assert.equal(await task(), before);
    },

    async says_how_to_record_before_it_can_go_back(t) {
        await t.needs('supportsStepBack');
        await t.session.reachIn(t.guest('demo64'), { functions: [{ name: 'step' }] });
        const { line } = (await t.session.frames())[0];
        const said = t.message(/Nothing is recorded: `monitor record on`.* begin with ">"/);
        await t.session.until(() => t.session.client.stepBackRequest({ threadId: 1 }));
        await said;
        const [frame] = await t.session.frames();
        assert.equal(frame.line, line);

        await t.session.evaluate(t.session.adapter.monitor('record on'), frame.id);
        await t.session.until(() => t.session.client.nextRequest({ threadId: 1 }));
        await t.session.until(() => t.session.client.stepBackRequest({ threadId: 1 }));
        assert.equal((await t.session.frames())[0].line, line);
    },

    async offers_no_way_back_where_nothing_can_be_recorded(t) {
        await t.needs('supportsStepBack');
        await t.session.reachIn(t.guest('demo64', ['--rng']), { functions: [{ name: 'step' }] });
        assert.ok(!t.session.capabilities.supportsStepBack);
        await assert.rejects(t.session.client.stepBackRequest({ threadId: 1 }), /does not support/);
    },

    // Where there is no button: gdb's own commands in the debug console.
    async steps_back_by_command(t) {
        await t.needsWay('stepBack');
        await t.session.reachIn(t.guest('demo64', ['--record']), { functions: [{ name: 'step' }] });
        const before = (await t.session.frames())[0];
        await t.session.until(() => t.session.client.nextRequest({ threadId: 1 }));
        await t.session.until(() => t.session.evaluate(t.session.adapter.stepBack, before.id));
        assert.equal((await t.session.frames())[0].line, before.line);
    },

    async shows_a_thread_for_each_vcpu(t) {
        await t.session.reachIn(t.guest('smp', ['--cpus=3', '--append=cpus=3']), { functions: [{ name: 'cpu_work' }] });
        const { threads } = (await t.session.client.threadsRequest()).body;
        assert.equal(threads.length, 3, JSON.stringify(threads));
    },

    async pauses(t) {
        const guest = t.guest('demo64');
        await t.session.attach(guest);
        await guest.prints(/round 1\b/);
        assert.notEqual((await t.session.pause()).reason, 'exited');
    },

    async disassembles(t) {
        await t.needs('supportsDisassembleRequest');
        await t.session.reachIn(t.guest('demo64'), { functions: [{ name: 'step' }] });
        const [frame] = await t.session.frames();
        const { instructions } = (await t.session.client.customRequest('disassemble', {
            memoryReference: frame.instructionPointerReference, instructionCount: 5 })).body;
        assert.equal(instructions.length, 5);
        assert.match(instructions[0].instruction, /mov/);
    },

    async reads_memory(t) {
        await t.needs('supportsReadMemoryRequest');
        await t.session.reachIn(t.guest('demo64'), { functions: [{ name: 'run_scheduler' }] });
        assert.equal(await t.session.readNumber('rounds_done'), 0);
    },

    async writes_memory(t) {
        await t.needs('supportsWriteMemoryRequest');
        await t.session.reachIn(t.guest('demo64'), { functions: [{ name: 'run_scheduler' }] });
        const data = Buffer.from([0x9a, 2, 0, 0, 0, 0, 0, 0]).toString('base64');
        const memoryReference = await t.session.addressOf('rounds_done');
        await t.session.client.customRequest('writeMemory', { memoryReference, data });
        assert.equal(await t.session.readNumber('rounds_done'), 666);
    },

    async stops_when_data_changes(t) {
        await t.needs('supportsDataBreakpoints');
        await t.session.reachIn(t.guest('demo64'), { functions: [{ name: 'run_scheduler' }] });
        const info = await t.session.dataBreakpoint('rounds_done');
        assert.ok(info.dataId, JSON.stringify(info));
        await t.session.client.setFunctionBreakpointsRequest({ breakpoints: [] });
        await t.session.client.setDataBreakpointsRequest({ breakpoints: [{ dataId: info.dataId, accessType: 'write' }] });
        await t.session.continue();
        assert.match((await t.session.frames())[0].name, /run_scheduler/);
    },

    async runs_monitor_commands(t) {
        await t.session.reachIn(t.guest('demo64'), { functions: [{ name: 'guest_main' }] });
        const [frame] = await t.session.frames();
        const shown = t.output(/\brip\b/);
        const result = await t.session.evaluate(t.session.adapter.monitor('registers'), frame.id);
        if (!/\brip\b/.test(result))
            await shown;
    },

    async disconnects_and_leaves_the_guest_running(t) {
        const guest = t.guest('demo64', ['--append=rounds=3']);
        await t.session.reachIn(guest, { functions: [{ name: 'step' }] });
        await t.session.client.disconnectRequest({ terminateDebuggee: false });
        assert.equal(await guest.ended, PASSED);
    },

    async connects_again(t) {
        const guest = t.guest('demo64');
        await t.session.reachIn(guest, { functions: [{ name: 'step' }] });
        await t.session.client.disconnectRequest({ terminateDebuggee: false });
        const again = t.another();
        await again.reachIn(guest, { functions: [{ name: 'mix' }] });
        assert.match((await again.frames())[0].name, /mix/);
    },

    // The adapter starts the machine itself.
    async launches(t) {
        await t.needsWay('launch');
        const where = { functions: [{ name: 'step' }] };
        await t.session.reach(() => t.session.launch(kernelNamed('demo64'), where));
        assert.match((await t.session.frames())[0].name, /^step\b/);
    },

    // An adapter that starts the machine ends what it has started; the others end what they have attached to.
    async terminates_the_guest(t) {
        const where = { functions: [{ name: 'step' }] };
        if (t.session.adapter.launch) {
            await t.session.reach(() => t.session.launch(kernelNamed('demo64'), where));
            await t.session.client.customRequest('terminate', {});
            await promisify(execFile)('flock', [machineLock, 'true']);
        } else {
            const guest = t.guest('demo64');
            await t.session.reachIn(guest, where);
            await t.session.client.disconnectRequest({ terminateDebuggee: true });
            await guest.ended;
        }
    },

    // VS Code's button, for an adapter that has no request for it: it leaves, and attaches again.
    async restarts(t) {
        const guest = t.guest('demo64', ['--on-disconnect=restart']);
        await t.session.reachIn(guest, { functions: [{ name: 'report_round' }] });
        await t.session.client.disconnectRequest({ restart: true });
        const again = t.another();
        await again.reachIn(guest, { functions: [{ name: 'report_round' }] });
        await guest.prints(/(demo64: four tasks[^]*){2}/);
    },

    // LLDB's adapter offers it, but not for what it has attached to.
    async refuses_to_restart_by_request(t) {
        await t.needs('supportsRestartRequest');
        await t.session.reachIn(t.guest('demo64', ['--on-disconnect=restart']), { functions: [{ name: 'report_round' }] });
        await assert.rejects(t.session.client.customRequest('restart', {}), /not supported/);
    },

    async sees_the_guests_end(t) {
        const guest = t.guest('demo64', ['--append=rounds=1']);
        const ended = t.session.client.waitForEvent('terminated');
        await t.session.attach(guest);
        await ended;
        assert.equal(await guest.ended, PASSED);
    },

    async survives_the_death_of_the_adapter(t) {
        const guest = t.guest('demo64', ['--append=rounds=3']);
        await t.session.reachIn(guest, { functions: [{ name: 'step' }] });
        t.session.kill();
        assert.equal(await guest.ended, PASSED);
    },
};
