// The Node client of Siemens, as its documentation uses it: `node uploadnode.js '{"boarding": …}'`.
// Prints one JSON object. The clock starts after onboarding, a token and a first call.
const { createRequire } = require("module");

const task = JSON.parse(process.argv[2]);
const { MindConnectAgent } = createRequire(task.modules + "/")("@mindconnect/mindconnect-nodejs");

const T0_MS = 1767600000000;

function rows(first, stop) {
    const found = [];
    for (let number = first; number < stop; number++) {
        found.push({
            timestamp: new Date(T0_MS + number).toISOString(),
            values: [
                { dataPointId: "temperature", qualityCode: "0", value: String(20 + (number % 97) / 8) },
                { dataPointId: "pressure", qualityCode: "0", value: "182.5" },
                { dataPointId: "strokes", qualityCode: "0", value: String(number) },
            ],
        });
    }
    return found;
}

const point = (id, type, unit) => ({ id, name: id, description: "", type, unit, customData: {} });

async function main() {
    const agent = new MindConnectAgent(task.boarding, 600, task.directory);
    await agent.OnBoard();
    await agent.PutDataSourceConfiguration({
        configurationId: "press-7",
        dataSources: [
            {
                name: "press",
                description: "",
                dataPoints: [
                    point("temperature", "DOUBLE", "°C"),
                    point("pressure", "DOUBLE", "bar"),
                    point("strokes", "LONG", ""),
                ],
                customData: {},
            },
        ],
    });
    await agent.BulkPostData(rows(0, task.batch), task.validate);
    const cpu = process.cpuUsage();
    const begin = process.hrtime.bigint();
    for (let first = task.batch; first < task.records; first += task.batch) {
        await agent.BulkPostData(rows(first, first + task.batch), task.validate);
    }
    const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
    const used = process.cpuUsage(cpu);
    const records = task.records - task.batch;
    console.log(
        JSON.stringify({
            records,
            seconds,
            rate: records / seconds,
            cpu_us: (used.user + used.system) / records,
            peak_kib: process.resourceUsage().maxRSS,
        })
    );
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
