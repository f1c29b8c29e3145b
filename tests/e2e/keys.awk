# The tables of sess-event(5) out of include/sess/keys.h: awk -f tests/e2e/keys.awk keys.h
BEGIN {
	type["STR"] = "string"
	type["TIME"] = "time"
	type["INT"] = "integer"
	type["NUM"] = "number"
	type["BOOL"] = "boolean"
	type["OBJ"] = "object"
}
# a group: its comment on a line of its own
/^\/\* .* \*\/ \\$/ {
	if (open)
		print ".El"
	group = $0
	sub(/^\/\* /, "", group)
	sub(/ \*\/ \\$/, "", group)
	print ".Ss " toupper(substr(group, 1, 1)) substr(group, 2)
	print ".Bl -tag -width browser_version"
	open = 1
}
/^X\(/ {
	split($0, q, "\"")
	t = q[3]
	gsub(/[ ,]/, "", t)
	print ".It Va " q[2]
	line = type[t]
	if (q[4] != "")
		line = line "; ARMS " q[4]
	if (q[6] != "")
		line = line "; OpenTelemetry " q[6]
	print line "."
	doc = toupper(substr(q[8], 1, 1)) substr(q[8], 2)
	gsub(/--/, "\\-\\-", doc)
	print doc "."
}
/SESS_KIND/ && open {
	print ".El"
	open = 0
}
/^enum sess_key / && open {
	print ".El"
	exit
}
