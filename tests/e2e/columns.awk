# The table of session records in sess-event(5) out of lib/session/column.c:
# awk -f tests/e2e/columns.awk column.c
BEGIN {
	type["STR"] = "string"
	type["TIME"] = "time"
	type["INT"] = "integer"
	type["BOOL"] = "boolean"
	print ".Bl -tag -width api_failures_recorded"
}
/^X\("/ {
	split($0, q, "\"")
	split(q[3], f, ",")
	gsub(/[ \t]/, "", f[2])
	print ".It Va " q[2]
	print (q[2] == "user_ids" ? "array" : type[f[2]]) "."
	doc = toupper(substr(q[4], 1, 1)) substr(q[4], 2)
	gsub(/--/, "\\-\\-", doc)
	print doc "."
}
END { print ".El" }
