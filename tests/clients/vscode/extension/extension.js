// The adapters' programs, which the server's environment names.
const vscode = require('vscode');

const programs = {
    'gdbtarget': () => new vscode.DebugAdapterExecutable('node', [process.env.RINGSIDE_GDB_ADAPTER]),
    'lldb-dap': () => new vscode.DebugAdapterExecutable(process.env.RINGSIDE_LLDB_ADAPTER),
};

exports.activate = ({ subscriptions }) => {
    for (const [type, createDebugAdapterDescriptor] of Object.entries(programs))
        subscriptions.push(vscode.debug.registerDebugAdapterDescriptorFactory(type, { createDebugAdapterDescriptor }));
};
