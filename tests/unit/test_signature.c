/* What makes two errors the same: messages, frames and URLs without what
 * differs from one occurrence, browser or release to the next. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/stats/signature.h"
#include "alloc.h"

typedef int folding(struct sess_buf *out, const char *p, size_t len);

/* Folded from memory of its own size; the test's to free. */
static char *
folded(folding *by, const char *text, size_t len)
{
	struct sess_buf out = { 0 };
	char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, text, len);
	assert_int_equal(by(&out, copy, len), 0);
	assert_int_equal(sess_buf_putc(&out, '\0'), 0);
	free(copy);
	return out.data;
}

static void
is_folded(folding *by, const char *text, const char *expected)
{
	char *is = folded(by, text, strlen(text));

	assert_string_equal(is, expected);
	free(is);
}

static void
message(const char *text, const char *expected)
{
	is_folded(sessp_fold_message, text, expected);
}

static void
url(const char *text, const char *expected)
{
	is_folded(sessp_fold_url, text, expected);
}

/* -- messages */

static void
what_says_what_happened_stays(void **state)
{
	static const char *const texts[] = {
		"", "Script error.", "ResizeObserver loop limit exceeded",
		"Cannot read properties of null (reading 'price')",
		"Cannot read property 'length' of undefined",
		"undefined is not an object (evaluating 'this.userName.length')",
		"null is not an object (evaluating 'document.querySelector(\"#pay\").value')",
		"e is not a function", "t2.n is undefined", "a.b.c is not a constructor",
		"i18n.utf8 is not defined", "x.userInfo.map is not a function",
		"Object doesn't support property or method 'append'",
		"'Promise' is undefined", "Can't find variable: IntersectionObserver",
		"Unexpected token '<'", "Unexpected end of JSON input",
		"JSON.parse: unexpected character", "Illegal invocation",
		"Maximum call stack size exceeded", "too much recursion", "out of memory",
		"Failed to execute 'removeChild' on 'Node': The node to be removed is not a child.",
		"NetworkError when attempting to fetch resource.", "Load failed",
		"net::ERR_CONNECTION_REFUSED", "Network Error", "data: undefined", "std::bad_alloc",
		"库存不足: 规格=红色", "Die Seite läuft – über", "[object Object]", "a ? b : c", "% ≠ …",
		"Cannot find module './Cart.vue'", "deadbeef is a word", "this.$refs.form_a-b is null"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		message(texts[i], texts[i]);
}

static void
numbers_are_folded(void **state)
{
	(void)state;
	message("Unexpected token < in JSON at position 0",
	    "Unexpected token < in JSON at position *");
	message("Expected property name or '}' in JSON at position 1 (line 1 column 2)",
	    "Expected property name or '}' in JSON at position * (line * column *)");
	message("timeout of 3000ms exceeded", "timeout of *ms exceeded");
	message("库存不足: 商品 \"1024\" & 规格=红色 100%", "库存不足: 商品 \"*\" & 规格=红色 *%");
	message("用户13800138000不存在", "用户*不存在");
	message("x is -5, y +3 (z=-1.5e10)", "x is *, y * (z=*)");
	message("5-3 a-3 1,234,567 1024x768 0xFF 0x1F4 1e9", "* a-* * * * * *");
	message("vue@2.6.14 and 1.2.3-beta.4", "vue@* and *-beta.*");
	message("item12345 item123 u_1029 $scope2", "item* item123 u_* $scope2");
	message("_WEBPACK_IMPORTED_MODULE_12__.a is not a function",
	    "_WEBPACK_IMPORTED_MODULE_*__.a is not a function");
	message("_0x3f2a1b is not defined", "_* is not defined");
	message("[1,2,3] and [4]", "[*] and [*]");
}

static void
times_are_folded(void **state)
{
	(void)state;
	message("expired at 2026-11-23T20:31:57.120Z", "expired at *");
	message("expired at 2026-11-23T20:31:57+08:00.", "expired at *.");
	message("expired at 2026-11-23 20:31:57,120", "expired at * *");
	message("12:30:45: failed on 11/23/2026", "*: failed on *");
}

static void
numbers_that_name_the_error_stay(void **state)
{
	(void)state;
	message("Request failed with status code 404", "Request failed with status code 404");
	message("Minified React error #185; visit "
	    "https://reactjs.org/docs/error-decoder.html?invariant=185 for the full message",
	    "Minified React error #185; visit https://reactjs.org/docs/error-decoder.html for the "
	    "full message");
	message("{\"code\":10023,\"id\":10023}", "{\"code\":10023,\"id\":*}");
	message("errorCode: 5001, HTTP 500, errno=-3008", "errorCode: 5001, HTTP 500, errno=-3008");
	message("failed to decode 1024 bytes", "failed to decode * bytes");
	message("code 123456 status 2.5 code 12px status: 12a", "code * status * code *px status: *a");
	message("Error: 17 items", "Error: * items");
}

static void
ids_are_folded(void **state)
{
	(void)state;
	message("order 550e8400-e29b-41d4-a716-446655440000 not found", "order * not found");
	message("{550E8400-E29B-41D4-A716-446655440000}", "{*}");
	message("trace 4bf92f3577b34da6a3ce929d0e0e4736", "trace *");
	message("commit 3f9a2c1b, feedfacecafebeef", "commit *, *");
	message("session bkkRsrej4OFdv2d4yeb37Xb2R2Xp expired", "session * expired");
	message("JWT eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0."
	    "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "JWT *.*.*");
	message("key V1StGXR8_Z5jdHi6B-myT2", "key *");
}

static void
addresses_are_folded(void **state)
{
	(void)state;
	message("from 10.1.2.3:8080, fe80::1, 2001:db8:0:0:8a2e:370:7334:1", "from *, *, *");
	message("00:1a:2b:3c:4d:5e", "*");
	message("<jane.doe+x@mail.example.com> is taken.", "<*> is taken.");
	message("a@b, a@b.c1 and @media", "a@b, a@b.c1 and @media");
}

static void
urls_in_messages_are_folded(void **state)
{
	(void)state;
	message("Loading chunk 12 failed. (error: https://cdn.example/js/12.3f9a2c1b.chunk.js)",
	    "Loading chunk * failed. (error: https://cdn.example/js/*.*.chunk.js)");
	message("Loading CSS chunk 7 failed. (/static/css/7.8e1a2b3c.css)",
	    "Loading CSS chunk * failed. (/static/css/*.*.css)");
	message("Failed to fetch dynamically imported module: https://shop.example/assets/Cart-DiwrgTda.js",
	    "Failed to fetch dynamically imported module: https://shop.example/assets/Cart-*.js");
	message("Importing a module script failed: /assets/index-B-x_3kQz.js",
	    "Importing a module script failed: /assets/index-*.js");
	message("'http://a.example:8080/b/1/2?q=x#f', then http://user:pw@h.example/.",
	    "'http://a.example:8080/b/*', then http://h.example/.");
	message("请求http://a.example/v2/用户失败", "请求http://a.example/v2/用户失败");
	message("GET /api/order/123?id=5&token=abc 500", "GET /api/order/* *");
	message("GET /list?ids[]=5, /x?]=1 or what?", "GET /list, /x or what?");
	message("data:image/png;base64,iVBORw0KGgo= blob:https://a.example/550e8400-e29b-41d4-a716-446655440000",
	    "data:* blob:*");
	message("moz-extension://550e8400-e29b-41d4-a716-446655440000/x.js", "moz-extension://*/x.js");
}

static void
white_space_runs_are_one_space(void **state)
{
	char *is = folded(sessp_fold_message, " \0a\t\n b\x7f", 8);

	(void)state;
	assert_string_equal(is, "a b");
	free(is);
	message("\r\n \t", "");
	message("1  2", "* *");
}

static void
long_messages_are_cut_between_characters(void **state)
{
	struct sess_buf text = { 0 };
	char *is;

	(void)state;
	for (size_t before = 0; before < 4; before++) {
		text.len = 0;
		assert_int_equal(sess_buf_add(&text, "xyz", before), 0);
		for (int i = 0; i < 400; i++)
			assert_int_equal(sess_buf_puts(&text, "错"), 0);
		is = folded(sessp_fold_message, text.data, text.len);
		assert_int_equal(strlen(is), before + (512 - before) / 3 * 3);
		assert_memory_equal(is, text.data, strlen(is));
		free(is);
	}
	sess_buf_release(&text);
}

/* Ids on end, half-way e-mail addresses and what else could be looked at again
 * and again: seconds, were it not linear. */
static void
long_messages_take_linear_time(void **state)
{
	static const char *const parts[] = {
		"a.", "a@", "a-", "1:", "1.", "a:", "::1", "http://", "?a", "data:", "%E5", "550e8400-", "x/",
		"\xe9", "*", "/?a=", "12a", "@a."
	};
	size_t size = 4 << 20;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t n = strlen(parts[i]);

		for (size_t at = 0; at + n <= size; at += n)
			memcpy(text + at, parts[i], n);
		free(folded(sessp_fold_message, text, size / n * n));
		free(folded(sessp_fold_url, text, size / n * n));
	}
	free(text);
}

/* -- URLs */

static void
urls_lose_what_varies(void **state)
{
	(void)state;
	url("https://cdn.example:8443/static/js/app.3f9a2c1b.js?v=3#x",
	    "https://cdn.example:8443/static/js/app.*.js");
	url("//cdn3.example/img/1024.png", "//cdn3.example/img/*.png");
	url("/order/123456/items", "/order/*/items");
	url("img/a@b.example/550e8400-e29b-41d4-a716-446655440000", "img/*/*");
	url("https://10.1.2.3/a/v2/x", "https://10.1.2.3/a/v2/x");
	url("https://shop.example/_next/static/V1StGXR8_Z5jdHi6B-myT/_buildManifest.js",
	    "https://shop.example/_next/static/*/_buildManifest.js");
	url("https://shop.example/p/super-cool-shirt-2024-v2", "https://shop.example/p/super-cool-shirt-*-v2");
	url("https://shop.example/search/%E5%BC%A0%E4%BC%9F/x", "https://shop.example/search/*/x");
	url("https://cdn.example/npm/vue@2.6.14/dist/vue.min.js", "https://cdn.example/npm/vue@*/dist/vue.min.js");
	url("https://u:p@shop.example", "https://shop.example");
	url("https://shop.example?x=1", "https://shop.example");
	url("data:image/png;base64,xx", "data:*");
	url("blob:https://shop.example/550e8400-e29b-41d4-a716-446655440000", "blob:*");
	url("main-5XZQ3K2V.js", "main-*.js");
	url("/js/user-settings.js", "/js/user-settings.js");
	url("", "");
	url("#top", "");
}

/* -- frames */

static void
frame_of(const char *stack, const char *script, const char *page, const char *expected)
{
	struct sess_buf out = { 0 };
	struct sess_slice slices[3] = {
		{ stack, strlen(stack) }, { script, strlen(script) }, { page, strlen(page) }
	};
	char *copy[3];

	for (int i = 0; i < 3; i++) {
		copy[i] = malloc(slices[i].len + 1);
		assert_non_null(copy[i]);
		slices[i].p = memcpy(copy[i], slices[i].p, slices[i].len);
		copy[i] = realloc(copy[i], slices[i].len > 0 ? slices[i].len : 1);
		slices[i].p = copy[i];
	}
	assert_int_equal(sessp_fold_frame(&out, slices[0], slices[1], slices[2]), 0);
	assert_int_equal(sess_buf_putc(&out, '\0'), 0);
	assert_string_equal(out.data, expected);
	for (int i = 0; i < 3; i++)
		free(copy[i]);
	sess_buf_release(&out);
}

#define PAGE "https://shop.example/cart?step=2"

static void
frame(const char *stack, const char *expected)
{
	frame_of(stack, "", PAGE, expected);
}

/* One error as five browsers tell of it. */
static void
browsers_agree_on_a_frame(void **state)
{
	static const char *const stacks[] = {
		/* Chrome */
		"TypeError: Cannot read properties of null (reading 'price')\n"
		"    at Object.pay (https://shop.example/static/app.3f9a2c1b.js:1:2344)\n"
		"    at HTMLButtonElement.<anonymous> (https://shop.example/static/app.3f9a2c1b.js:1:99)",
		/* another release, minified otherwise */
		"TypeError: Cannot read properties of null (reading 'price')\n"
		"    at async Function.pay [as onClick] (https://shop.example/static/app.77aa21ce.js:3:17)",
		/* Firefox */
		"pay@https://shop.example/static/app.3f9a2c1b.js:1:2344\n"
		"@https://shop.example/static/app.3f9a2c1b.js:1:99\n",
		"async*pay@https://shop.example/static/app.3f9a2c1b.js:1:2344\n",
		"a.b/pay@https://shop.example/static/app.3f9a2c1b.js:1:2344\n",
		/* Safari */
		"pay@https://shop.example/static/app.3f9a2c1b.js:1:2344\n"
		"https://shop.example/static/app.3f9a2c1b.js:1:99\n[native code]",
		/* old Edge */
		"TypeError: Unable to get property 'price' of undefined or null reference\n"
		"   at pay (https://shop.example/static/app.3f9a2c1b.js:1:2344)\n"
		"   at Anonymous function (https://shop.example/static/app.3f9a2c1b.js:1:99)\r\n",
		/* as SDKs rewrite it */
		"Error: x\n  at Object.pay @ https://shop.example/static/app.3f9a2c1b.js:1:2344\n"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++)
		frame(stacks[i], "pay /static/app.*.js");
}

static void
functions_without_a_name_have_none(void **state)
{
	static const char *const stacks[] = {
		"Error: x\n    at https://shop.example/app.js:23:44",
		"Error: x\n    at async https://shop.example/app.js:23:44",
		"Error: x\n    at <anonymous> (https://shop.example/app.js:23:44)",
		"Error: x\n    at HTMLDocument.<anonymous> (https://shop.example/app.js:23:44)",
		"Error: x\n    at Foo.<computed> (https://shop.example/app.js:23:44)",
		"Error: x\n    at Object.4711 (https://shop.example/app.js:23:44)",
		"Error: x\n    at new <anonymous> (https://shop.example/app.js:23:44)",
		"@https://shop.example/app.js:23:44", "pay/<@https://shop.example/app.js:23:44",
		"setTimeout handler*pay/a.b<@https://shop.example/app.js:23:44",
		"https://shop.example/app.js:23:44", "global code@https://shop.example/app.js:23:44",
		"module code@https://shop.example/app.js:23:44",
		"Error: x\n   at Global code (https://shop.example/app.js:23:44)",
		"Error: x\n   at Anonymous function (https://shop.example/app.js:23:44)"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++)
		frame(stacks[i], "/app.js");
}

static void
names_are_kept(void **state)
{
	(void)state;
	frame("    at t (https://shop.example/app.js:1:2)", "t /app.js");
	frame("    at e.t2 (https://shop.example/app.js:1:2)", "t2 /app.js");
	frame("    at new CheckoutError (https://shop.example/app.js:1:2)", "CheckoutError /app.js");
	frame("    at Cart.#total (https://shop.example/app.js:1:2)", "#total /app.js");
	frame("    at get total [as total] (https://shop.example/app.js:1:2)", "get total /app.js");
	frame("    at 付款 (https://shop.example/app.js:1:2)", "付款 /app.js");
	frame("    at Module../src/App.js (https://shop.example/main.js:1:2)", "./src/App.js /main.js");
	frame("    at _0x3f2a1b (https://shop.example/app.js:1:2)", "_* /app.js");
	frame("    at VueComponent.pay (webpack-internal:///./src/Cart.vue:12:5)", "pay /./src/Cart.vue");
	frame("$e@https://shop.example/npm/vue@2.6.14/vue.js:1:2", "$e /npm/vue@*/vue.js");
	frame("https://shop.example/npm/@scope/x/y.js:1:2", "/npm/@scope/x/y.js");
}

static void
what_is_not_the_applications_is_passed_over(void **state)
{
	static const char *const lines[] = {
		"    at JSON.parse (<anonymous>)", "    at Array.forEach (native)",
		"    at async Promise.all (index 0)", "    at <anonymous>",
		"    at <anonymous>:1:1",
		"    at eval (eval at run (https://shop.example/app.js:1:1), <anonymous>:1:1)",
		"    at eval code (eval code:1:1)",
		"    at fetch (chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn/inpage.js:1:1)",
		"    at https://js.sentry-cdn.com/abc.min.js:1:1",
		"    at HTMLButtonElement.n (https://shop.example/static/sdk-arms-js-sdk.js:1:56918)",
		"    at r (https://retcode.alicdn.com/retcode/bl.js:1:1)",
		"    at o.sentryWrapped (https://shop.example/app.js:1:1)",
		"    at ZoneDelegate.invoke (https://shop.example/js/zone.min.js:1:1)",
		"    at newrelic (https://js-agent.newrelic.com/nr-spa-1212.min.js:1:1)",
		"    at data:text/javascript,x:1:1",
		"forEach@[native code]", "[native code]", "x@moz-extension://550e8400-e29b-41d4-a716-446655440000/a.js:1:1",
		"y@webkit-masked-url://hidden/:1:1", "z@resource://gre/modules/X.jsm:1:1",
		"@https://shop.example/app.js line 3 > eval:1:1",
		"f@https://shop.example/app.js line 3 > Function:1:1", "map@self-hosted:178:17",
		"@debugger eval code:1:1", "TypeError: mail to a@b.example failed",
		"TypeError: Failed to fetch https://api.example:8080", "    at the end of it",
		"@javascript:void(0).a:1:1", "", "\r"
	};
	char stack[512];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		frame(lines[i], "");
		snprintf(stack, sizeof(stack), "%s\n%s\n", lines[i],
		    i % 2 == 0 ? "    at pay (https://shop.example/pay.js:1:1)" :
		    "pay@https://shop.example/pay.js:1:1");
		frame(stack, "pay /pay.js");
	}
}

static void
the_pages_own_host_comes_first(void **state)
{
	(void)state;
	frame("Error: x\n"
	    "    at $.ajax (https://cdn.example/jquery.js:1:1)\n"
	    "    at pay (https://SHOP.example/app.js:1:1)\n", "pay /app.js");
	frame("Error: x\n    at pay (https://cdn.example/js/app.js:1:1)\n"
	    "    at a (https://other.example/b.js:1:1)", "pay cdn.example/js/app.js");
	/* Called from a script inside of the page. */
	frame("Error: x\n    at pay (https://cdn.example/js/app.js:1:1)\n"
	    "    at onclick (https://shop.example/cart?step=2:1:1)", "pay cdn.example/js/app.js");
	frame("Error: x\n    at onclick (https://shop.example/cart?step=2:1:1)", "onclick /cart");
	/* Ports are part of it, the page may not be known. */
	frame_of("    at a (http://localhost:3000/a.js:1:1)\n    at b (http://localhost:8080/b.js:1:1)",
	    "", "http://localhost:8080/", "b /b.js");
	frame_of("    at a (https://x.example/a.js:1:1)\n    at b (https://y.example/b.js:1:1)",
	    "", "", "a x.example/a.js");
	frame_of("    at a (file:///android_asset/www/a.js:1:1)", "", "file:///android_asset/www/index.html",
	    "a /android_asset/www/a.js");
}

static void
a_stack_that_was_cut_gives_what_is_whole(void **state)
{
	(void)state;
	frame("Error: x\n    at pay (https://shop.ex", "");
	frame("Error: x\n    at pay (https://shop.example/app.js:1", "");
	frame("Error: x\n    at pay (https://shop.example/app.js:1:1)\n    at pa", "pay /app.js");
}

static void
without_a_frame_the_file_is_used(void **state)
{
	(void)state;
	frame_of("", "https://shop.example/app.3f9a2c1b.js?x", PAGE, "/app.*.js");
	frame_of("", "https://cdn.example/app.js", PAGE, "cdn.example/app.js");
	frame_of("", "app.js", PAGE, "app.js");
	frame_of("", "https://shop.example/order/1024", "https://shop.example/order/1024", "/order/*");
	frame_of("Error: x\n    at a (chrome-extension://abcdefgh/a.js:1:1)", "chrome-extension://abcdefgh/a.js",
	    PAGE, "chrome-extension://abcdefgh/a.js");
	frame_of("", "blob:https://shop.example/550e8400-e29b-41d4-a716-446655440000", PAGE, "blob:*");
	frame_of("", "https://shop.example", PAGE, "/");
	frame_of("", "", PAGE, "");
	frame_of("", "", "", "");
}

static void
slices_may_be_empty(void **state)
{
	struct sess_buf out = { 0 };
	struct sess_slice none = { NULL, 0 };

	(void)state;
	assert_int_equal(sessp_fold_frame(&out, none, none, none), 0);
	assert_int_equal(sessp_fold_message(&out, NULL, 0), 0);
	assert_int_equal(sessp_fold_url(&out, NULL, 0), 0);
	assert_int_equal(out.len, 0);
	sess_buf_release(&out);
}

static void
memory_may_run_out(void **state)
{
	struct sess_slice stack = { "pay@https://cdn.example/a.js:1:1", 32 }, none = { "", 0 };
	struct sess_buf out = { 0 };
	long n = 0;
	int r;

	(void)state;
	do {
		alloc_fail_at(n++);
		r = sessp_fold_frame(&out, stack, none, none);
		if (r == 0)
			r = sessp_fold_message(&out, "a 1", 3);
		if (r == 0)
			r = sessp_fold_url(&out, "/a/1", 4);
		assert_int_equal(r, alloc_failed() ? -1 : 0);
		if (r == 0) {
			assert_int_equal(out.len, 27);
			assert_memory_equal(out.data, "pay cdn.example/a.jsa */a/*", 27);
		}
		sess_buf_release(&out);
	} while (alloc_failed());
	alloc_fail_at(-1);
	assert_true(n > 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_says_what_happened_stays),
		cmocka_unit_test(numbers_are_folded),
		cmocka_unit_test(times_are_folded),
		cmocka_unit_test(numbers_that_name_the_error_stay),
		cmocka_unit_test(ids_are_folded),
		cmocka_unit_test(addresses_are_folded),
		cmocka_unit_test(urls_in_messages_are_folded),
		cmocka_unit_test(white_space_runs_are_one_space),
		cmocka_unit_test(long_messages_are_cut_between_characters),
		cmocka_unit_test(long_messages_take_linear_time),
		cmocka_unit_test(urls_lose_what_varies),
		cmocka_unit_test(browsers_agree_on_a_frame),
		cmocka_unit_test(functions_without_a_name_have_none),
		cmocka_unit_test(names_are_kept),
		cmocka_unit_test(what_is_not_the_applications_is_passed_over),
		cmocka_unit_test(the_pages_own_host_comes_first),
		cmocka_unit_test(a_stack_that_was_cut_gives_what_is_whole),
		cmocka_unit_test(without_a_frame_the_file_is_used),
		cmocka_unit_test(slices_may_be_empty),
		cmocka_unit_test(memory_may_run_out)
	};

	return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
