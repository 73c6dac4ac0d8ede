-- Given to wrk with -s. Its arguments: how many requests leave together, and the pause before each in milliseconds. It
-- ends with one line of JSON (times in microseconds) instead of figures that are rounded for reading.

function init(args)
  local together, pause = tonumber(args[1]), tonumber(args[2])
  if together > 1 then
    local batch = string.rep(wrk.format(), together)
    request = function() return batch end
  end
  if pause > 0 then
    delay = function() return pause end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'REPORT {"durationUs":%d,"requests":%d,"bytes":%d,"p50Us":%d,"p99Us":%d,"p999Us":%d,"errors":' ..
    '{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.duration, summary.requests, summary.bytes, latency:percentile(50), latency:percentile(99),
    latency:percentile(99.9),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout
  ))
end
