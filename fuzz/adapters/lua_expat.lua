-- Pipe adapter: LuaExpat, the reader of prosody (which refuses more by itself).
local lxp = require("lxp")

local names = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(text, last)
	text = text:gsub("[%c\\" .. last .. "]", function (c)
		return names[c] or ((c == "\\" or c == last) and "\\" .. c) or ("\\u{%x}"):format(c:byte())
	end)
	-- U+0080 to U+009F.
	return (text:gsub("\xc2([\x80-\x9f])", function (c) return ("\\u{%x}"):format(c:byte()) end))
end

-- No character that XML allows, so that it can stand in no namespace name.
local separator = "\f"

local function split(name)
	local ns, localname = name:match("^(.*)\f([^\f]*)$")
	return ns or "", localname or name
end

local function qualified(ns, name)
	return "{" .. escape(ns, "}") .. "}" .. name
end

local function read(data)
	local lines, text, depth = {}, {}, 0
	local function flush()
		if #text > 0 then lines[#lines + 1] = 'text "' .. escape(table.concat(text), '"') .. '"' end
		text = {}
	end
	local parser = lxp.new({
		StartElement = function (_, name, attributes)
			depth = depth + 1
			flush()
			local line, all = "start " .. qualified(split(name)), {}
			for i = 1, #attributes do
				local ns, localname = split(attributes[i])
				all[i] = { ns, localname, attributes[attributes[i]] }
			end
			table.sort(all, function (a, b) return a[1] < b[1] or a[1] == b[1] and a[2] < b[2] end)
			for _, a in ipairs(all) do
				line = line .. " " .. (a[1] == "" and a[2] or qualified(a[1], a[2])) .. '="' .. escape(a[3], '"') .. '"'
			end
			lines[#lines + 1] = line
		end,
		EndElement = function (_, name)
			depth = depth - 1
			flush()
			lines[#lines + 1] = "end " .. qualified(split(name))
		end,
		CharacterData = function (_, more)
			if more ~= "" then text[#text + 1] = more end
		end,
	}, separator, false)
	local ok, message = parser:parse(data)
	if ok then ok, message = parser:parse() end
	pcall(parser.close, parser)
	if not ok then return "error: " .. tostring(message) end
	return table.concat(lines, "\n")
end

io.stdout:setvbuf("full")
while true do
	local head = io.read(4)
	if not head then break end
	local length = string.unpack("<I4", head)
	local data = length == 0 and "" or io.read(length)
	local answer = read(data)
	io.write(string.pack("<I4", #answer), answer)
	io.flush()
end
