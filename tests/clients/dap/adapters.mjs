// The debug adapters under test, behind one interface: how to start one, and where they differ. Their configurations come
// from guests/.vscode, with another kernel and port.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.RINGSIDE_NODE_MODULES, 'package.json'));
const { DebugClient } = require('@vscode/debugadapter-testsupport');

const launch = path.join(process.env.RINGSIDE_SOURCES, 'guests/.vscode/launch.json');

// A machine that an adapter has started holds it locked.
export const machineLock = path.join(process.env.HOME, 'machine');

// The configuration of an adapter's type, for another kernel and another port.
function configuration(type, program, port) {
    const text = readFileSync(launch, 'utf8').replaceAll('1234', port);
    const found = JSON.parse(text).configurations.find((each) => each.type === type);
    return { ...found, program };
}

const gdb = {
    start: () => new DebugClient('node', require.resolve('cdt-gdb-adapter/dist/debugTargetAdapter.js'), 'gdbtarget'),
    attach: (program, port) => configuration('gdbtarget', program, port),
    launch: (program) => ({
        program,
        target: {
            type: 'remote', host: '127.0.0.1', server: 'flock', serverPortRegExp: 'listening on tcp:[^:]+:(\\d+)',
            serverParameters: ['--no-fork', machineLock, process.env.RINGSIDE, 'run', '-m', '64M', '--wait', '--gdb=tcp:127.0.0.1:0', program],
        },
    }),
    stepBack: '>reverse-next',
    monitor: (command) => `>monitor ${command}`,
    registers: 'Registers',
    races: () => false,
    // It prints a log message as it is, without its expressions' values.
    logged: (text) => text,
};

// gdb's by Ringside's extension. It says that it can go back once it is attached to a machine that can.
const ringside = {
    ...gdb,
    start: () => new DebugClient('node', process.env.RINGSIDE_ADAPTER, 'ringside'),
    attach: (program, port) => ({ ...gdb.attach(program, port), type: 'ringside' }),
    announcesLater: ['supportsStepBack'],
};

// lldb-vscode up to version 17, lldb-dap from 18 on.
const isDap = path.basename(process.env.LLDB_ADAPTER ?? '') === 'lldb-dap';
const lldb = {
    start: () => new DebugClient('/usr/bin/env', process.env.LLDB_ADAPTER, 'lldb', { env: process.env }),
    // Version 14 reports a stop at the entry twice, which would race with the tests. lldb-vscode knows no address but by commands.
    attach(program, port) {
        const found = { ...configuration('lldb-dap', program, port), stopOnEntry: false };
        const { 'gdb-remote-hostname': host, 'gdb-remote-port': number, ...rest } = found;
        return isDap ? found : { ...rest, attachCommands: [`gdb-remote ${host}:${number}`] };
    },
    // A thread of its own handles the stop at the entry. If that thread is late, lldb-vscode says that the process was unloaded, or
    // hits no breakpoint; lldb-dap takes the stop at a breakpoint for the one at the entry.
    races: (error) => isDap || /process unloaded during launch or attach|no breakpoint was hit/.test(error.message),
    monitor: (command) => `\`process plugin packet monitor ${command}`,
    registers: 'Registers',
    logged: (text, value) => text.replace(/\{.*\}/, value),
};

export const adapters = { gdb, ringside, lldb };
