#!/usr/bin/env escript
%%! -noinput
%% Pipe adapter: fast_xml (p1_xml), the reader of ejabberd and MongooseIM. It resolves no prefixes of attributes, and hands elements on with
%% the namespace of their own declaration: the adapter carries namespaces down, and prefixes of attributes too.

main(_) ->
    case code:ensure_loaded(fxml_stream) of
        {module, _} -> ok;
        _ -> io:format(standard_error, "fast_xml is not installed~n", []), halt(3)
    end,
    {ok, _} = application:ensure_all_started(fast_xml),
    loop(open_port({fd, 0, 1}, [binary, stream, eof]), <<>>).

loop(Port, <<Length:32/little, Data:Length/binary, Rest/binary>>) ->
    Answer = iolist_to_binary(read(Data)),
    true = port_command(Port, [<<(byte_size(Answer)):32/little>>, Answer]),
    loop(Port, Rest);
loop(Port, Buffer) ->
    receive
        {Port, {data, More}} -> loop(Port, <<Buffer/binary, More/binary>>);
        {Port, eof} -> halt(0)
    end.

read(Data) ->
    case catch fxml_stream:parse_element(Data) of
        {xmlel, _, _, _} = El -> lists:join("\n", tree(El, #{<<>> => <<>>, <<"xml">> => <<"http://www.w3.org/XML/1998/namespace">>}));
        {error, Reason} -> ["error: ", io_lib:format("~0p", [class(Reason)])];
        Other -> ["error: ", io_lib:format("~0p", [class(Other)])]
    end.

class({Code, _Text}) when is_integer(Code) -> Code;
class(Reason) when is_atom(Reason) -> Reason;
class(Reason) when is_binary(Reason) -> binary_to_list(Reason);
class(_) -> other.

tree({xmlel, Name, Attrs, Children}, Outer) ->
    Scope = lists:foldl(
        fun({<<"xmlns">>, V}, S) -> S#{<<>> => V};
           ({<<"xmlns:", P/binary>>, V}, S) -> S#{P => V};
           (_, S) -> S
        end, Outer, Attrs),
    {Ns, Local} = resolve(Name, Scope, maps:get(<<>>, Scope)),
    Plain = [{resolve(N, Scope, <<>>), V} || {N, V} <- Attrs, not declares(N)],
    Sorted = lists:sort(Plain),
    Start = ["start ", qualified(Ns, Local), [[$\s, attribute(N), "=\"", escape(V, $"), $"] || {N, V} <- Sorted]],
    [Start] ++ nodes(Children, Scope, <<>>) ++ [["end ", qualified(Ns, Local)]].

declares(<<"xmlns">>) -> true;
declares(<<"xmlns:", _/binary>>) -> true;
declares(_) -> false.

resolve(Name, Scope, Default) ->
    case binary:split(Name, <<":">>) of
        [Prefix, Local] -> {maps:get(Prefix, Scope, <<>>), Local};
        [Local] -> {Default, Local}
    end.

nodes([{xmlcdata, Text} | Rest], Scope, Before) -> nodes(Rest, Scope, <<Before/binary, Text/binary>>);
nodes([El | Rest], Scope, Before) -> text(Before) ++ tree(El, Scope) ++ nodes(Rest, Scope, <<>>);
nodes([], _, Before) -> text(Before).

text(<<>>) -> [];
text(Text) -> [["text \"", escape(Text, $"), $"]].

attribute({<<>>, Name}) -> Name;
attribute({Ns, Name}) -> qualified(Ns, Name).

qualified(Ns, Name) -> [${, escape(Ns, $}), $}, Name].

escape(Text, End) -> [char(C, End) || <<C/utf8>> <= Text].

char($\n, _) -> "\\n";
char($\r, _) -> "\\r";
char($\t, _) -> "\\t";
char(C, C) -> [$\\, C];
char($\\, _) -> "\\\\";
char(C, _) when C < 16#20; C >= 16#7f, C < 16#a0 -> io_lib:format("\\u{~.16b}", [C]);
char(C, _) -> <<C/utf8>>.
