// node run.mjs ADAPTER SCENARIO: exit status 0 if it went well, 77 and the name of a capability if the adapter lacks it, 75 if
// it failed and the adapter is known to lose races of its own, after which its user would try again.
// Without arguments: the scenarios' names.
import { readFileSync } from 'node:fs';
import { scenarios } from './scenarios.mjs';
import { Guest, Session } from './session.mjs';

const [adapter, name] = process.argv.slice(2);
if (!name) {
    console.log(Object.keys(scenarios).join('\n'));
    process.exit(0);
}

class Lacking extends Error {}

const guests = [];
const sessions = [];
const said = [];

function another() {
    const session = new Session(adapter);
    const number = sessions.push(session);
    for (const event of ['output', 'initialized', 'stopped', 'continued', 'terminated', 'exited'])
        session.client.on(event, (message) => said.push(`${number}: ${event} ${JSON.stringify(message.body)}`));
    return session;
}

const test = {
    session: another(),
    guest(kernel, options) {
        guests.push(new Guest(kernel, options));
        return guests.at(-1);
    },
    async needs(capability) {
        await sessions[0].start();
        if (!sessions[0].capabilities[capability] && !sessions[0].adapter.announcesLater?.includes(capability))
            throw new Lacking(capability);
    },
    // What an adapter does in a way of its own.
    async needsWay(name) {
        if (!sessions[0].adapter[name])
            throw new Lacking(name);
    },
    another,
    lineOf(source, text) {
        return readFileSync(source, 'utf8').split('\n').findIndex((line) => line.includes(text)) + 1;
    },
    // Resolves once the adapter has sent a message that editors show at once, and that matches.
    message(pattern) {
        return new Promise((resolve) => sessions[0].client.on('output', ({ body }) => {
            if (body.category === 'important' && pattern.test(body.output))
                resolve();
        }));
    },
    // Resolves once the adapter has printed something that matches.
    output(pattern) {
        let text = '';
        return new Promise((resolve) => sessions[0].client.on('output', ({ body }) => {
            text += body.output;
            if (pattern.test(text))
                resolve(text);
        }));
    },
};

let status = 0;
try {
    await scenarios[name](test);
} catch (error) {
    if (error instanceof Lacking) {
        console.log(error.message);
        process.exit(77);
    }
    console.error(error);
    console.error(said.join('\n'));
    console.error(guests.map((guest) => guest.errors).join('\n'));
    status = sessions[0].adapter.races(error) ? 75 : 1;
}
for (const session of sessions)
    await session.close();
for (const guest of guests)
    guest.close();
process.exit(status);
